"""Advance reservations of a system's nodes or cores."""

from dataclasses import dataclass
from datetime import datetime
from typing import NewType

ReservationName = NewType("ReservationName", str)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Only jobs of its users or projects that name it may start on what it holds between `start` and `end` (aware)."""

    name: ReservationName
    start: datetime
    end: datetime
    nodes: int | None = None
    cores: int | None = None
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    state: str = "INACTIVE"
    """`ACTIVE` between start and end."""
