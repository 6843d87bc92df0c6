"""What a reservation shall be, or be changed to: how a task keeps it, and what no scheduler need be asked."""

from datetime import datetime
from typing import Any

from superfacility.facility.errors import InvalidInput
from superfacility.facility.reservations import Reservation, ReservationChange, ReservationName
from superfacility.tasks.task import Task


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


def kept_change(system: str, name: str, change: ReservationChange) -> dict[str, Any]:
    """What a task keeps of a change; None for what stays."""
    return {
        "system": system,
        "name": name,
        "start": None if change.start is None else change.start.isoformat(),
        "end": None if change.end is None else change.end.isoformat(),
        "nodes": change.nodes,
        "cores": change.cores,
        "users": None if change.users is None else list(change.users),
        "projects": None if change.projects is None else list(change.projects),
    }


def change_of(task: Task) -> ReservationChange:
    intent = task.intent
    start, end, users, projects = (intent[key] for key in ("start", "end", "users", "projects"))
    return ReservationChange(
        start=None if start is None else datetime.fromisoformat(start),
        end=None if end is None else datetime.fromisoformat(end),
        nodes=intent["nodes"],
        cores=intent["cores"],
        users=None if users is None else tuple(users),
        projects=None if projects is None else tuple(projects),
    )


def check_times(wanted: Reservation, now: datetime) -> None:
    if wanted.end <= wanted.start:
        raise InvalidInput("A reservation must end after it starts.")
    if wanted.end <= now:
        raise InvalidInput("This reservation would have ended already; choose an end in the future.")


def check_size(asked: Reservation | ReservationChange) -> None:
    """A change may leave it as it is."""
    sizes = [each for each in (asked.nodes, asked.cores) if each is not None]
    if isinstance(asked, ReservationChange) and not sizes:
        return
    if len(sizes) != 1 or sizes[0] < 1:
        raise InvalidInput("Give either `nodes` or `cores`, and at least 1.")
