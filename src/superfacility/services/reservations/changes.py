"""What a reservation shall be: how a change makes it of another one, and how a task keeps it."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from superfacility.facility.errors import InvalidInput
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.tasks.task import Task


@dataclass(frozen=True, slots=True)
class ReservationChange:
    """What is None stays as it is; other nodes end a size in cores, and the other way round."""

    start: datetime | None = None
    end: datetime | None = None
    nodes: int | None = None
    cores: int | None = None
    users: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None

    def of(self, current: Reservation) -> Reservation:
        sizes = (self.nodes, self.cores)
        if sizes == (None, None):
            sizes = (current.nodes, current.cores)
        return replace(
            current,
            start=self.start or current.start,
            end=self.end or current.end,
            nodes=sizes[0],
            cores=sizes[1],
            users=current.users if self.users is None else self.users,
            projects=current.projects if self.projects is None else self.projects,
        )


def kept(system: str, wanted: Reservation) -> dict[str, Any]:
    """What a task keeps of a reservation."""
    return {
        "system": system,
        "name": wanted.name,
        "start": wanted.start.isoformat(),
        "end": wanted.end.isoformat(),
        "nodes": wanted.nodes,
        "cores": wanted.cores,
        "users": list(wanted.users),
        "projects": list(wanted.projects),
    }


def wanted_by(task: Task) -> Reservation:
    intent = task.intent
    return Reservation(
        name=ReservationName(intent["name"]),
        start=datetime.fromisoformat(intent["start"]),
        end=datetime.fromisoformat(intent["end"]),
        nodes=intent["nodes"],
        cores=intent["cores"],
        users=tuple(intent["users"]),
        projects=tuple(intent["projects"]),
    )


def check_extent(wanted: Reservation, now: datetime) -> None:
    if wanted.end <= wanted.start:
        raise InvalidInput("A reservation must end after it starts.")
    if wanted.end <= now:
        raise InvalidInput("This reservation would have ended already; choose an end in the future.")
    sizes = [each for each in (wanted.nodes, wanted.cores) if each is not None]
    if len(sizes) != 1 or sizes[0] < 1:
        raise InvalidInput("Give either `nodes` or `cores`, and at least 1.")
