"""`/storage`: copies between endpoints; and `/reservations`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from superfacility.client.calls.streams import Deadline
from superfacility.client.calls.tasks import TaskCalls
from superfacility.client.errors import Unavailable
from superfacility.client.records.reading import rows
from superfacility.client.records.work import Reservation, Transfer
from superfacility.client.wire.refusals import checked, retry_after
from superfacility.client.wire.session import Ask, part

_FIRST = 0.5
_LONGEST = 15.0


class TransferCalls(TaskCalls):
    async def start_transfer(
        self, source: tuple[str, str], target: tuple[str, str], *, label: str = "", key: str | None = None
    ) -> str:
        """The id of a copy; source and target are an endpoint and an absolute path."""
        form = {
            "source_uuid": source[0],
            "source_dir": source[1],
            "target_uuid": target[0],
            "target_dir": target[1],
            "label": label,
        }
        ask = Ask("POST", "storage/globus/transfer", form=form, key=key)
        return str((await self.session.agreed(ask))["transfer_id"])

    async def transfer(self, transfer_id: str) -> Transfer:
        return (await self._transfer(transfer_id))[0]

    async def _transfer(self, transfer_id: str) -> tuple[Transfer, float]:
        """And how long to leave the facility alone."""
        content, headers = await self.session.content(Ask("GET", f"storage/globus/transfer/{part(transfer_id)}"))
        found = checked(content, headers.get("x-request-id"))
        return Transfer.of(found, transfer_id), retry_after(headers) or 0.0

    async def wait_for_transfer(
        self, transfer_id: str, *, timeout: float | None = None, progress: Any = lambda _: None
    ) -> Transfer:
        """The transfer when it has ended, well or not; `progress` hears of it on the way."""
        deadline, pause = Deadline(self.session, timeout), _FIRST
        while True:
            hint = 0.0
            try:
                found, hint = await self._transfer(transfer_id)
                progress(found)
                if found.has_ended:
                    return found
            except Unavailable:
                pass
            deadline.check(f"transfer {transfer_id} goes on. Look with: sfapi transfer {transfer_id}")
            await self.session.transport.sleep(deadline.within(max(pause, hint)))
            pause = min(1.5 * pause, _LONGEST)


class ReservationCalls(TaskCalls):
    async def reservations(self, system: str) -> tuple[Reservation, ...]:
        """Those that have not ended."""
        return tuple(map(Reservation.of, rows(await self.session.json(Ask("GET", f"reservations/{part(system)}")))))

    async def reservation(self, system: str, name: str) -> Reservation:
        return Reservation.of(await self.session.json(Ask("GET", _path(system, name))))

    async def create_reservation(
        self,
        system: str,
        name: str,
        start: datetime | str,
        end: datetime | str,
        *,
        nodes: int | None = None,
        cores: int | None = None,
        users: Sequence[str] = (),
        projects: Sequence[str] = (),
    ) -> None:
        """Either nodes or cores. Times without an offset are in the facility's local time."""
        form = {
            "name": name,
            "start": _time(start),
            "end": _time(end),
            "nodes": nodes,
            "cores": cores,
            "users": list(users),
            "projects": list(projects),
        }
        ask = Ask("POST", f"reservations/{part(system)}", form=form)
        await self._finished(ask)

    async def change_reservation(self, /, system: str, name: str, **changes: Any) -> None:
        """What is left out stays as it is; an empty list of users or projects leaves none of them."""
        sent = {key: _time(value) for key, value in changes.items() if value is not None}
        await self._finished(Ask("POST", _path(system, name), json=sent))

    async def delete_reservation(self, system: str, name: str) -> None:
        """Running jobs go on."""
        await self._finished(Ask("DELETE", _path(system, name)))

    async def _finished(self, ask: Ask) -> None:
        await self.done(str((await self.session.agreed(ask))["task_id"]))


def _path(system: str, name: str) -> str:
    return f"reservations/{part(system)}/{part(name)}"


def _time(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
