"""What is new since it was last told of: pure comparisons of a view with the end of the history."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from superfacility.facility.events import EventKind, NewEvent
from superfacility.facility.status import Outage, OutageStatus, Resource, StateChange
from superfacility.services.status.view import StatusView

_OVER = frozenset({OutageStatus.COMPLETED.value, OutageStatus.CANCELLED.value})
_REMOVED = "Removed"


@dataclass(frozen=True, slots=True)
class News:
    """A row for the history, and the event that tells of it, if it is worth one."""

    change: StateChange
    event: NewEvent | None


def news(view: StatusView, last: Sequence[StateChange], now: datetime) -> list[News]:
    """What the history does not have yet, resources first. What is over when it is first seen is no event."""
    resources = {each.resource: each for each in last if each.outage is None}
    outages = {each.outage: each for each in last if each.outage is not None}
    found = [_of_resource(each, resources.get(each.name), now) for each in view.resources]
    announced = [each for rows in view.outages.values() for each in rows]
    found += [_of_outage(each, outages.get(each.id), now) for each in announced]
    return [*filter(None, found), *_removed(outages, {each.id for each in announced}, now)]


def _of_resource(resource: Resource, last: StateChange | None, now: datetime) -> News | None:
    if last is not None and last.state == resource.state:
        return None
    change = StateChange(
        resource.name, resource.state.value, last.state if last else None, resource.description, at=now
    )
    if last is None:
        return News(change, None)
    data = {
        "name": resource.name,
        "state": resource.state.value,
        "previous": last.state,
        "description": resource.description,
    }
    return News(change, _event(EventKind.RESOURCE, change, data))


def _of_outage(outage: Outage, last: StateChange | None, now: datetime) -> News | None:
    """Staff's changes of one whose status stays count as well."""
    at = max(filter(None, (now, outage.updated_at)))
    if last is not None and last.state == outage.status and (outage.updated_at is None or outage.updated_at <= last.at):
        return None
    previous = last.state if last else None
    change = StateChange(outage.resource, outage.status.value, previous, outage.description, at=at, outage=outage.id)
    if last is None and outage.status in _OVER:
        return News(change, None)
    data = {
        "id": outage.id,
        "name": outage.resource,
        "status": outage.status.value,
        "previous": previous,
        "start_at": outage.start_at.isoformat(),
        "end_at": outage.end_at.isoformat() if outage.end_at else None,
        "description": outage.description,
        "swo": outage.impact,
    }
    return News(change, _event(EventKind.OUTAGE, change, data))


def _removed(outages: Mapping[int, StateChange], kept: set[int], now: datetime) -> Iterator[News]:
    """Outages that staff have removed before they were over."""
    for number, last in outages.items():
        if number in kept or last.state in _OVER:
            continue
        cancelled = OutageStatus.CANCELLED.value
        change = StateChange(last.resource, cancelled, last.state, _REMOVED, at=now, outage=number)
        data = {"id": number, "name": last.resource, "status": cancelled, "previous": last.state}
        yield News(change, _event(EventKind.OUTAGE, change, {**data, "description": _REMOVED}))


def _event(kind: EventKind, change: StateChange, data: Mapping[str, Any]) -> NewEvent:
    return NewEvent(kind, change.at, subject=change.resource, system=change.resource, data=data)
