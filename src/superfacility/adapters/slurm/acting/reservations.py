"""Advance reservations by scontrol: what it is told, what it says, and the rights that it checks itself."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.tables import Marks
from superfacility.adapters.slurm.words import away, said, unavailable
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import Conflict, FacilityError, InvalidInput, NotFound, Refused
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationName

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_PAIR = re.compile(r"(\w+)=(\S*)")
_NO_RESERVATION = ("Requested reservation is invalid", "not found")
_TAKEN = "Duplicate reservation name"
_NOTHING = frozenset({"", "(null)"})


class Reservations:
    """Everybody's, read as the collector's account; changed as the user who asks. scontrol speaks UTC here."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    async def all(self) -> Sequence[Reservation]:
        arguments = ("scontrol", "--oneliner", "show", "reservation")
        return parse_reservations(await self._programs.read(self._programs.reader, arguments, Marks(), utc=True))

    async def create(self, user: User, asked: Reservation) -> Reservation:
        result = await self._scontrol(user, "create", "reservation", *settings(asked))
        if result.exit_code and _TAKEN not in said(result):
            raise self._refusal(asked.name, result)
        there = await self._named(asked.name)
        if result.exit_code and not _same(asked, there):
            raise Conflict(f"There is a reservation {asked.name!r} already, with another content; choose another name.")
        return there

    async def change(self, user: User, asked: Reservation) -> Reservation:
        result = await self._scontrol(user, "update", *settings(asked))
        if result.exit_code:
            raise self._refusal(asked.name, result)
        return await self._named(asked.name)

    async def delete(self, user: User, name: ReservationName) -> None:
        _check(name)
        result = await self._scontrol(user, "delete", f"ReservationName={name}")
        if result.exit_code:
            raise self._refusal(name, result)

    async def _scontrol(self, user: User, *arguments: str) -> CommandResult:
        return await self._programs.act(user, ("scontrol", *arguments))

    async def _named(self, name: ReservationName) -> Reservation:
        for each in await self.all():
            if each.name == name:
                return each
        raise NotFound(f"{self._programs.system} has no reservation {name!r} (any more).")

    def _refusal(self, name: ReservationName, result: CommandResult) -> FacilityError:
        words = said(result)
        if away(words) or not words.strip():
            return unavailable(self._programs.system, "scontrol", result)
        if any(each in words for each in _NO_RESERVATION):
            return NotFound(f"{self._programs.system} has no reservation {name!r}.")
        return Refused(words)


def settings(asked: Reservation) -> tuple[str, ...]:
    """As scontrol takes them."""
    _check(asked.name, *asked.users, *asked.projects)
    sizes = {"NodeCnt": asked.nodes, "CoreCnt": asked.cores}
    lists = {"Users": asked.users, "Accounts": asked.projects}
    return (
        f"ReservationName={asked.name}",
        f"StartTime={_utc(asked.start)}",
        f"EndTime={_utc(asked.end)}",
        *(f"{key}={value}" for key, value in sizes.items() if value is not None),
        *(f"{key}={','.join(value)}" for key, value in lists.items() if value),
    )


def _check(*names: str) -> None:
    for name in names:
        if not _NAME.fullmatch(name):
            raise InvalidInput(f"{name!r} cannot be a name here: letters, digits, `.`, `_` and `-` can.")


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def parse_reservations(text: str) -> list[Reservation]:
    """Lines of `scontrol --oneliner show reservation`, in UTC."""
    return [
        _reservation(dict(_PAIR.findall(line))) for line in text.splitlines() if line.startswith("ReservationName=")
    ]


def _reservation(values: dict[str, str]) -> Reservation:
    return Reservation(
        name=ReservationName(values["ReservationName"]),
        start=datetime.fromisoformat(values["StartTime"]).replace(tzinfo=UTC),
        end=datetime.fromisoformat(values["EndTime"]).replace(tzinfo=UTC),
        nodes=_count(values.get("NodeCnt", "")),
        cores=_count(values.get("CoreCnt", "")),
        users=_list(values.get("Users", "")),
        projects=_list(values.get("Accounts", "")),
        state="ACTIVE" if values.get("State") == "ACTIVE" else "INACTIVE",
    )


def _count(text: str) -> int | None:
    return int(text) if text.isdecimal() else None


def _list(text: str) -> tuple[str, ...]:
    return () if text in _NOTHING else tuple(text.split(","))


def _same(asked: Reservation, there: Reservation) -> bool:
    """Slurm fills in what was not asked for: the cores of nodes, the nodes of cores."""
    return (
        (asked.start, asked.end) == (there.start, there.end)
        and (asked.nodes is None or asked.nodes == there.nodes)
        and (asked.cores is None or asked.cores == there.cores)
        and sorted(asked.users) == sorted(there.users)
        and sorted(asked.projects) == sorted(there.projects)
    )
