"""Resources, outages and notes: what the public sees of a facility's health.

What staff say of a resource and what probes find are kept apart: the resource has the former, observations the latter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from superfacility.facility.audit import AuditEntry

ResourceName = NewType("ResourceName", str)


class ResourceState(StrEnum):
    """As on the wire."""

    ACTIVE = "active"  # fully functional
    DEGRADED = "degraded"  # works, possibly slower
    UNAVAILABLE = "unavailable"  # down or in maintenance
    OTHER = "other"  # not defined

    @property
    def severity(self) -> int:
        """From 0, the best."""
        return _BY_SEVERITY.index(self)


_BY_SEVERITY = (ResourceState.ACTIVE, ResourceState.OTHER, ResourceState.DEGRADED, ResourceState.UNAVAILABLE)


class OutageStatus(StrEnum):
    """As on the wire, capitalised there."""

    ACTIVE = "Active"
    CANCELLED = "Cancelled"
    COMPLETED = "Completed"
    EXTENDED = "Extended"
    PLANNED = "Planned"

    @property
    def in_effect(self) -> bool:
        return self in {OutageStatus.ACTIVE, OutageStatus.EXTENDED}


@dataclass(frozen=True, slots=True)
class Resource:
    """Anything with a status, as staff announce it. `kind` is `compute`, `filesystem`, `service` or `storage`."""

    name: ResourceName
    full_name: str
    kind: str
    state: ResourceState = ResourceState.ACTIVE
    description: str = "System is active"
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Outage:
    """Times are aware. `status` is what staff announced; `status_at` tells what the clock makes of it."""

    id: int
    resource: ResourceName
    start_at: datetime
    end_at: datetime | None
    description: str = ""
    notes: str = ""
    impact: str = "true"
    """`swo` on the wire: `true` (whole system out), `degr` (degraded), `fals` (no effect)."""
    status: OutageStatus = OutageStatus.PLANNED
    updated_at: datetime | None = None

    def status_at(self, now: datetime) -> OutageStatus:
        if self.status in {OutageStatus.CANCELLED, OutageStatus.COMPLETED}:
            return self.status
        if now < self.start_at:
            return OutageStatus.PLANNED
        if self.end_at is None or now < self.end_at:
            return OutageStatus.EXTENDED if self.status is OutageStatus.EXTENDED else OutageStatus.ACTIVE
        return OutageStatus.COMPLETED

    @property
    def effect(self) -> ResourceState | None:
        """What it makes of its resource while it lasts; None for none."""
        return _EFFECTS.get(self.impact)

    def turned_at(self, now: datetime) -> datetime | None:
        """When it last changed how its resource is: its beginning, or its end by the clock or by staff; None: never."""
        if self.effect is None or now < self.start_at:
            return None
        if self.status_at(now).in_effect:
            return self.start_at
        if self.status is OutageStatus.CANCELLED or self.end_at is None or now < self.end_at:
            return self.updated_at if self.updated_at is not None and self.updated_at > self.start_at else None
        if self.status is OutageStatus.COMPLETED and self.updated_at is not None and self.updated_at > self.start_at:
            return min(self.updated_at, self.end_at)
        return self.end_at


_EFFECTS = {"true": ResourceState.UNAVAILABLE, "degr": ResourceState.DEGRADED}


@dataclass(frozen=True, slots=True)
class Note:
    """An announcement. `active` is what staff say; `active_at` also minds when it begins and ends."""

    id: int
    resource: ResourceName
    text: str
    active: bool = True
    timestamp: datetime | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def active_at(self, now: datetime) -> bool:
        begun = self.starts_at is None or self.starts_at <= now
        return self.active and begun and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one probe makes of a resource, hiccups left out.

    `probe` is its name, unlike any other's in the installation. `latency` is how many seconds it took. `since` is when
    it came to this state, None if it never was in another. After `expires_at` nothing is known any more.
    """

    resource: ResourceName
    probe: str
    state: ResourceState
    description: str
    latency: float | None
    at: datetime
    expires_at: datetime
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class StateChange:
    """A resource came to another state, or one of its outages to another status: `outage` is that one's id then.

    `state` and `previous` are as on the wire; the first one known has no `previous`. The board chooses the `id`.
    """

    resource: ResourceName
    state: str
    previous: str | None
    description: str
    at: datetime
    outage: int | None = None
    id: int = 0


class StatusBoard(Protocol):
    """Keeps resources, outages and notes, what probes observe, and the history of both.

    `NotFound` for changes to what does not exist; `Conflict` for a taken name.
    """

    async def resources(self) -> Sequence[Resource]:
        """In the order they were added."""

    async def outages(self) -> Sequence[Outage]:
        """Ordered by start, newest first."""

    async def notes(self) -> Sequence[Note]:
        """Newest first."""

    async def observations(self) -> Sequence[Observation]:
        """The latest of each probe, expired ones too; ordered by resource, then probe."""

    def version(self) -> int:
        """A number that grows with every committed change that can be seen, also by another process. Cheap:
        microseconds."""

    async def save_resource(self, resource: Resource, audit: AuditEntry, *, new: bool = False) -> Resource: ...

    async def remove_resource(self, name: ResourceName, audit: AuditEntry) -> None: ...

    async def save_outage(self, outage: Outage, audit: AuditEntry) -> Outage:
        """An id of 0 adds."""

    async def remove_outage(self, outage_id: int, audit: AuditEntry) -> None: ...

    async def save_note(self, note: Note, audit: AuditEntry) -> Note:
        """An id of 0 adds."""

    async def remove_note(self, note_id: int, audit: AuditEntry) -> None: ...

    async def observe(self, observations: Sequence[Observation]) -> None:
        """Replace what the same probes said before. One of a resource that is not there is dropped.

        Raises the version only where state, description or resource differ: a probe that finds the same again does not.
        """

    async def record(self, changes: Sequence[StateChange]) -> None:
        """Add to the history, in this order."""

    async def changes(
        self, resource: ResourceName, *, before: int | None = None, limit: int = 100
    ) -> Sequence[StateChange]:
        """The history of a resource, newest first; `before` is the id of the last one of the page before."""

    async def last_changes(self) -> Sequence[StateChange]:
        """The latest of each resource and of each outage."""

    async def purge(self, before: datetime) -> int:
        """Drop older history (but the latest of each resource and outage) and observations that expired before then.

        Returns how many rows went.
        """
