"""What the public sees of the facility's health, and how staff change it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeVar

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.status import (
    Note,
    Outage,
    OutageStatus,
    Resource,
    ResourceName,
    ResourceState,
    StatusBoard,
)

_SEVERITY = (ResourceState.ACTIVE, ResourceState.OTHER, ResourceState.DEGRADED, ResourceState.UNAVAILABLE)
_IMPACT = {"true": ResourceState.UNAVAILABLE, "degr": ResourceState.DEGRADED}
_IN_EFFECT = (OutageStatus.ACTIVE, OutageStatus.EXTENDED)

Row = TypeVar("Row", Outage, Note)


@dataclass(frozen=True, slots=True, eq=False)
class StatusView:
    """The board at one minute: outages carry the status that the clock gives them, resources what outages do to them.

    `answers` is room for whoever renders the view to keep what it made of it.
    """

    key: str
    taken_at: datetime
    resources: tuple[Resource, ...]
    outages: Mapping[ResourceName, tuple[Outage, ...]]
    notes: Mapping[ResourceName, tuple[Note, ...]]
    answers: dict[str, Any] = field(default_factory=dict)

    def planned(self, name: ResourceName) -> tuple[Outage, ...]:
        return tuple(each for each in self.outages.get(name, ()) if each.status is OutageStatus.PLANNED)

    def resource(self, name: str) -> Resource:
        found = next((each for each in self.resources if each.name == name), None)
        if found is None:
            raise NotFound(f"No resource named {name!r}; GET /status lists them.")
        return found


class StatusService:
    """Reads the board once per change and minute. Every answer comes from that view."""

    def __init__(self, board: StatusBoard, clock: Clock) -> None:
        self.board = board
        self.clock = clock
        self._view: StatusView | None = None

    async def view(self) -> StatusView:
        now = self.clock.now()
        version = self.board.version()
        key = f"{version}-{int(now.timestamp()) // 60}"
        found = self._view
        if found is None or found.key != key:
            found = await self._read(key, now)
            self._view = found
        return found

    def current(self) -> StatusView | None:
        """The view if it is still the current one; costs microseconds and never waits."""
        found = self._view
        if found is None:
            return None
        key = f"{self.board.version()}-{int(self.clock.now().timestamp()) // 60}"
        return found if found.key == key else None

    async def _read(self, key: str, now: datetime) -> StatusView:
        outages = [replace(each, status=each.status_at(now)) for each in await self.board.outages()]
        resources = await self.board.resources()
        by_resource = _by_resource(outages)
        return StatusView(
            key=key,
            taken_at=now,
            resources=tuple(_under(each, by_resource.get(each.name, ())) for each in resources),
            outages=MappingProxyType(by_resource),
            notes=MappingProxyType(_by_resource(await self.board.notes())),
        )

    async def add_resource(self, resource: Resource, actor: str) -> Resource:
        return await self._save_resource(resource, actor, new=True)

    async def change_resource(
        self,
        name: ResourceName,
        actor: str,
        *,
        state: ResourceState | None = None,
        description: str | None = None,
        full_name: str | None = None,
    ) -> Resource:
        """Only what is given changes."""
        found = next((each for each in await self.board.resources() if each.name == name), None)
        if found is None:
            raise NotFound(f"No resource named {name!r}; `sfapi admin resource list` shows them.")
        changed = replace(
            found,
            state=state or found.state,
            description=found.description if description is None else description,
            full_name=full_name or found.full_name,
        )
        return await self._save_resource(changed, actor)

    async def remove_resource(self, name: ResourceName, actor: str) -> None:
        await self.board.remove_resource(name, self._audit(actor, "status.remove_resource", name))

    async def announce(self, outage: Outage, actor: str) -> Outage:
        """Add (id 0) or change an outage."""
        await self._require(outage.resource)
        if outage.start_at.tzinfo is None or (outage.end_at is not None and outage.end_at.tzinfo is None):
            raise InvalidInput("Give the start and the end of an outage with their offset from UTC.")
        if outage.end_at is not None and outage.end_at <= outage.start_at:
            raise InvalidInput("An outage must end after it starts.")
        stamped = replace(outage, updated_at=self.clock.now())
        return await self.board.save_outage(stamped, self._audit(actor, "status.save_outage", outage.resource))

    async def remove_outage(self, outage_id: int, actor: str) -> None:
        await self.board.remove_outage(outage_id, self._audit(actor, "status.remove_outage", str(outage_id)))

    async def write_note(self, note: Note, actor: str) -> Note:
        """Add (id 0) or change a note."""
        await self._require(note.resource)
        stamped = note if note.timestamp else replace(note, timestamp=self.clock.now())
        return await self.board.save_note(stamped, self._audit(actor, "status.save_note", note.resource))

    async def remove_note(self, note_id: int, actor: str) -> None:
        await self.board.remove_note(note_id, self._audit(actor, "status.remove_note", str(note_id)))

    async def _save_resource(self, resource: Resource, actor: str, *, new: bool = False) -> Resource:
        stamped = replace(resource, updated_at=self.clock.now())
        return await self.board.save_resource(
            stamped, self._audit(actor, "status.save_resource", resource.name), new=new
        )

    async def _require(self, name: ResourceName) -> None:
        if all(each.name != name for each in await self.board.resources()):
            raise NotFound(f"No resource named {name!r}; add it first with `sfapi admin resource add`.")

    def _audit(self, actor: str, action: str, target: str) -> AuditEntry:
        return AuditEntry(at=self.clock.now(), actor=actor, action=action, target=target)


def _by_resource(rows: Iterable[Row]) -> dict[ResourceName, tuple[Row, ...]]:
    found: defaultdict[ResourceName, list[Row]] = defaultdict(list)
    for each in rows:
        found[each.resource].append(each)
    return {name: tuple(each) for name, each in found.items()}


def _under(resource: Resource, outages: Sequence[Outage]) -> Resource:
    """The resource as outages in effect leave it: never better than staff say it is."""
    in_effect = [each for each in outages if each.status in _IN_EFFECT and each.impact in _IMPACT]
    worst = max(in_effect, key=lambda each: _SEVERITY.index(_IMPACT[each.impact]), default=None)
    if worst is None or _SEVERITY.index(_IMPACT[worst.impact]) <= _SEVERITY.index(resource.state):
        return resource
    changed_at = max(filter(None, (resource.updated_at, worst.start_at)))
    return replace(
        resource,
        state=_IMPACT[worst.impact],
        description=worst.description or "Scheduled Maintenance",
        updated_at=changed_at,
    )
