"""Resources, outages and notes: what the public sees of a facility's health."""

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


class OutageStatus(StrEnum):
    """As on the wire, capitalised there."""

    ACTIVE = "Active"
    CANCELLED = "Cancelled"
    COMPLETED = "Completed"
    EXTENDED = "Extended"
    PLANNED = "Planned"


@dataclass(frozen=True, slots=True)
class Resource:
    """Anything with a status. `kind` is `compute`, `filesystem`, `service` or `storage`."""

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


@dataclass(frozen=True, slots=True)
class Note:
    id: int
    resource: ResourceName
    text: str
    active: bool = True
    timestamp: datetime | None = None


class StatusBoard(Protocol):
    """Keeps resources, outages and notes.

    `NotFound` for changes to what does not exist; `Conflict` for a taken name.
    """

    async def resources(self) -> Sequence[Resource]:
        """In the order they were added."""

    async def outages(self) -> Sequence[Outage]:
        """Ordered by start, newest first."""

    async def notes(self) -> Sequence[Note]:
        """Newest first."""

    def version(self) -> int:
        """A number that grows with every committed change, also by another process. Cheap: microseconds."""

    async def save_resource(self, resource: Resource, audit: AuditEntry, *, new: bool = False) -> Resource: ...

    async def remove_resource(self, name: ResourceName, audit: AuditEntry) -> None: ...

    async def save_outage(self, outage: Outage, audit: AuditEntry) -> Outage:
        """An id of 0 adds."""

    async def remove_outage(self, outage_id: int, audit: AuditEntry) -> None: ...

    async def save_note(self, note: Note, audit: AuditEntry) -> Note:
        """An id of 0 adds."""

    async def remove_note(self, note_id: int, audit: AuditEntry) -> None: ...
