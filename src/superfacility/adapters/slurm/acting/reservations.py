"""Advance reservations by scontrol: what it is told, and what it tells."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from superfacility.adapters.slurm.acting.refusals import Refusals
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.tables import Marks
from superfacility.adapters.slurm.words import said
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import User
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_PAIR = re.compile(r"(\w+)=(\S*)")
_TAKEN = "Duplicate reservation name"
_NOTHING = frozenset({"", "(null)"})


class Reservations:
    """Everybody's, read as the collector's account; changed as the user who asks. scontrol speaks UTC here."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._refusals = Refusals(programs)

    async def all(self) -> Sequence[Reservation]:
        arguments = ("scontrol", "--oneliner", "show", "reservation")
        return parse_reservations(await self._programs.read(self._programs.reader, arguments, Marks(), utc=True))

    async def create(self, user: User, asked: Reservation) -> Reservation:
        result = await self._scontrol(user, "create", "reservation", *settings(asked))
        if result.exit_code and _TAKEN not in said(result):
            raise await self._refusals.of(user, asked.name, result, asked)
        there = await self._named(asked.name)
        if result.exit_code and not _same(asked, there):
            raise Conflict(f"There is a reservation {asked.name!r} already, with another content; choose another name.")
        return there

    async def change(self, user: User, name: ReservationName, change: ReservationChange) -> Reservation:
        current = await self._named(name)
        wanted = change.of(current)
        if told := changed_settings(current, change, wanted):
            result = await self._scontrol(user, "update", f"ReservationName={name}", *told)
            if result.exit_code:
                raise await self._refusals.of(user, name, result, change)
        return await self._named(name)

    async def delete(self, user: User, name: ReservationName) -> None:
        _check(name)
        result = await self._scontrol(user, "delete", f"ReservationName={name}")
        if result.exit_code:
            raise await self._refusals.of(user, name, result)

    async def _scontrol(self, user: User, *arguments: str) -> CommandResult:
        return await self._programs.act(user, ("scontrol", *arguments))

    async def _named(self, name: ReservationName) -> Reservation:
        for each in await self.all():
            if each.name == name:
                return each
        raise NotFound(f"{self._programs.system} has no reservation {name!r} (any more).")


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


def changed_settings(current: Reservation, change: ReservationChange, wanted: Reservation) -> tuple[str, ...]:
    """Only what is named, as scontrol takes it: Slurm refuses even the same start of one that has begun, and every
    number of cores."""
    _check(*(change.users or ()), *(change.projects or ()))
    times = {"StartTime": wanted.start} if change.restarts(current) else {}
    if times or change.end is not None:
        times["EndTime"] = wanted.end
    other_cores = change.cores if change.cores != current.cores else None
    sizes = {"NodeCnt": change.nodes, "CoreCnt": other_cores}
    lists = {"Users": change.users, "Accounts": change.projects}
    return (
        *(f"{key}={_utc(value)}" for key, value in times.items()),
        *(f"{key}={value}" for key, value in sizes.items() if value is not None),
        *(f"{key}={','.join(value)}" for key, value in lists.items() if value is not None),
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
    """Slurm fills in what was not asked for: the cores of nodes, the nodes of cores. It counts whole seconds, and names
    nobody twice."""
    return (
        _seconds(asked) == _seconds(there)
        and (asked.nodes is None or asked.nodes == there.nodes)
        and (asked.cores is None or asked.cores == there.cores)
        and set(asked.users) == set(there.users)
        and set(asked.projects) == set(there.projects)
    )


def _seconds(reservation: Reservation) -> tuple[int, int]:
    return int(reservation.start.timestamp()), int(reservation.end.timestamp())
