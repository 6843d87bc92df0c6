"""What the public sees: announcements, outages by the clock and observations, put together for one minute."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from superfacility.facility.errors import NotFound
from superfacility.facility.status import (
    Note,
    Observation,
    Outage,
    OutageStatus,
    Resource,
    ResourceName,
    ResourceState,
)

Row = TypeVar("Row", Outage, Note, Observation)


@dataclass(frozen=True, slots=True, eq=False)
class BoardContents:
    """All that is on the board, as it was read."""

    version: int
    read_at: datetime
    resources: Sequence[Resource]
    outages: Sequence[Outage]
    notes: Sequence[Note]
    observations: Sequence[Observation]


@dataclass(frozen=True, slots=True, eq=False)
class StatusView:
    """The board at one minute: outages carry the status that the clock gives them, notes whether they count now.

    `resources` are what is shown: the worst of what staff announced, of outages in effect and of observations that have
    not expired. `announced` is what staff said. `stale`: the board could not be read since `read_at`.
    `answers` is room for whoever renders the view to keep what it made of it.
    """

    contents: BoardContents
    taken_at: datetime
    stale: bool
    resources: tuple[Resource, ...]
    outages: Mapping[ResourceName, tuple[Outage, ...]]
    notes: Mapping[ResourceName, tuple[Note, ...]]
    observations: Mapping[ResourceName, tuple[Observation, ...]]
    answers: dict[str, Any] = field(default_factory=dict)

    @property
    def read_at(self) -> datetime:
        return self.contents.read_at

    def planned(self, name: ResourceName) -> tuple[Outage, ...]:
        return tuple(each for each in self.outages.get(name, ()) if each.status is OutageStatus.PLANNED)

    def resource(self, name: str) -> Resource:
        return _named(self.resources, name)

    def announced(self, name: str) -> Resource:
        return _named(self.contents.resources, name)

    def known_trouble(self, name: ResourceName) -> ResourceState:
        """The worst that staff have told of: announced, or by an outage in effect."""
        outages = [each.effect for each in self.outages.get(name, ()) if each.status.in_effect and each.effect]
        return max([self.announced(name).state, *outages], key=lambda state: state.severity)


def view_of(contents: BoardContents, now: datetime, *, stale: bool = False) -> StatusView:
    """Pure: the same contents at the same time make the same view."""
    outages = _by_resource([replace(each, status=each.status_at(now)) for each in contents.outages])
    observations = _by_resource([each for each in contents.observations if now < each.expires_at])
    shown = (
        replace(
            _shown(each, outages.get(each.name, ()), observations.get(each.name, ())),
            updated_at=_changed_at(contents, each, now),
        )
        for each in contents.resources
    )
    return StatusView(
        contents=contents,
        taken_at=now,
        stale=stale,
        resources=tuple(shown),
        outages=MappingProxyType(outages),
        notes=MappingProxyType(_by_resource([replace(each, active=each.active_at(now)) for each in contents.notes])),
        observations=MappingProxyType(observations),
    )


def _shown(resource: Resource, outages: Sequence[Outage], observations: Sequence[Observation]) -> Resource:
    """Of equally bad words those of staff count, then those of an outage."""
    told = [(resource.state, resource.description)]
    told += [
        (each.effect, each.description or "Scheduled Maintenance")
        for each in outages
        if each.effect and each.status.in_effect
    ]
    told += [(each.state, each.description) for each in observations]
    state, description = max(told, key=lambda each: each[0].severity)
    return replace(resource, state=state, description=description)


def _changed_at(contents: BoardContents, resource: Resource, now: datetime) -> datetime | None:
    """When what is shown of it last changed, as far as the board tells."""
    outages = [each.turned_at(now) for each in contents.outages if each.resource == resource.name]
    since = [each.since for each in contents.observations if each.resource == resource.name]
    return max(filter(None, [resource.updated_at, *outages, *since]), default=None)


def _by_resource(rows: Iterable[Row]) -> dict[ResourceName, tuple[Row, ...]]:
    found: defaultdict[ResourceName, list[Row]] = defaultdict(list)
    for each in rows:
        found[each.resource].append(each)
    return {name: tuple(each) for name, each in found.items()}


def _named(resources: Sequence[Resource], name: str) -> Resource:
    found = next((each for each in resources if each.name == name), None)
    if found is None:
        raise NotFound(f"No resource named {name!r}; GET /status lists them.")
    return found
