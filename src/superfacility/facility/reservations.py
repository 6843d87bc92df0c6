"""Advance reservations of a system's nodes or cores, and what can be changed of them."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import NewType

from superfacility.facility.errors import Conflict, InvalidInput

ReservationName = NewType("ReservationName", str)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Only jobs of its users or projects that name it may start on what it holds between `start` and `end` (aware).

    A scheduler may tell both sizes, whichever was asked for.
    """

    name: ReservationName
    start: datetime
    end: datetime
    nodes: int | None = None
    cores: int | None = None
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    state: str = "INACTIVE"
    """`ACTIVE` between start and end."""


@dataclass(frozen=True, slots=True)
class ReservationChange:
    """What is None stays as it is; no names at all are an empty tuple. Of the sizes one at most is named, and ends the
    other."""

    start: datetime | None = None
    end: datetime | None = None
    nodes: int | None = None
    cores: int | None = None
    users: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None

    def of(self, current: Reservation) -> Reservation:
        """What this makes of it. `Conflict` for another start of one that has begun, `InvalidInput` if nobody could use
        it any more."""
        if self.restarts(current) and current.state == "ACTIVE":
            raise Conflict(
                f"The reservation {current.name!r} has begun, and its start stays. Change its end alone, or delete it "
                "and create another."
            )
        sized = self.nodes is not None or self.cores is not None
        wanted = replace(
            current,
            start=self.start or current.start,
            end=self.end or current.end,
            nodes=self.nodes if sized else current.nodes,
            cores=self.cores if sized else current.cores,
            users=current.users if self.users is None else self.users,
            projects=current.projects if self.projects is None else self.projects,
        )
        if (self.users is not None or self.projects is not None) and not (wanted.users or wanted.projects):
            raise InvalidInput("A reservation is for somebody: name users or projects, or delete it.")
        return wanted

    def restarts(self, current: Reservation) -> bool:
        """Does it name another start? Schedulers keep whole seconds."""
        return self.start is not None and int(self.start.timestamp()) != int(current.start.timestamp())
