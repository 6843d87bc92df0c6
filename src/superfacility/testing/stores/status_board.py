"""Resources, outages, notes, observations and history in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.status import Note, Observation, Outage, Resource, ResourceName, StateChange
from superfacility.testing.stores.memory import Memory


class MemoryStatusBoard:
    """`StatusBoard` in memory."""

    def __init__(self, memory: Memory, clock: Clock) -> None:
        self._memory = memory
        self._clock = clock

    async def resources(self) -> Sequence[Resource]:
        return list(self._memory.resources.values())

    async def outages(self) -> Sequence[Outage]:
        return sorted(self._memory.outages.values(), key=lambda outage: (outage.start_at, outage.id), reverse=True)

    async def notes(self) -> Sequence[Note]:
        return sorted(self._memory.notes.values(), key=lambda note: (note.timestamp, note.id), reverse=True)

    def version(self) -> int:
        return self._memory.status_version

    async def save_resource(self, resource: Resource, audit: AuditEntry, *, new: bool = False) -> Resource:
        if new and resource.name in self._memory.resources:
            raise Conflict(f"The resource {resource.name} exists already.")
        if not new:
            self._require_resource(resource.name)
        saved = replace(resource, updated_at=resource.updated_at or self._clock.now())
        self._memory.resources[resource.name] = saved
        self._conclude(audit)
        return saved

    async def remove_resource(self, name: ResourceName, audit: AuditEntry) -> None:
        self._require_resource(name)
        del self._memory.resources[name]
        for kept in (self._memory.outages, self._memory.notes):
            for number in [number for number, item in kept.items() if item.resource == name]:
                del kept[number]
        for probe in [probe for probe, each in self._memory.observations.items() if each.resource == name]:
            del self._memory.observations[probe]
        self._conclude(audit)

    async def save_outage(self, outage: Outage, audit: AuditEntry) -> Outage:
        self._require_resource(outage.resource)
        number = self._number("outage", outage.id, self._memory.outages)
        saved = replace(outage, id=number, updated_at=outage.updated_at or self._clock.now())
        self._memory.outages[number] = saved
        self._conclude(audit)
        return saved

    async def remove_outage(self, outage_id: int, audit: AuditEntry) -> None:
        if self._memory.outages.pop(outage_id, None) is None:
            raise NotFound(f"There is no outage {outage_id}.")
        self._conclude(audit)

    async def save_note(self, note: Note, audit: AuditEntry) -> Note:
        self._require_resource(note.resource)
        number = self._number("note", note.id, self._memory.notes)
        saved = replace(note, id=number, timestamp=note.timestamp or self._clock.now())
        self._memory.notes[number] = saved
        self._conclude(audit)
        return saved

    async def remove_note(self, note_id: int, audit: AuditEntry) -> None:
        if self._memory.notes.pop(note_id, None) is None:
            raise NotFound(f"There is no note {note_id}.")
        self._conclude(audit)

    async def observations(self) -> Sequence[Observation]:
        return sorted(self._memory.observations.values(), key=lambda each: (each.resource, each.probe))

    async def observe(self, observations: Sequence[Observation]) -> None:
        known = self._memory.observations
        for each in observations:
            if each.resource not in self._memory.resources:
                continue
            if each.probe not in known or _seen(known[each.probe]) != _seen(each):
                self._memory.status_version += 1
            known[each.probe] = each

    async def record(self, changes: Sequence[StateChange]) -> None:
        for each in changes:
            self._memory.state_changes.append(replace(each, id=self._memory.next_number("state change")))

    async def changes(
        self, resource: ResourceName, *, before: int | None = None, limit: int = 100
    ) -> Sequence[StateChange]:
        return [
            each
            for each in reversed(self._memory.state_changes)
            if each.resource == resource and (before is None or each.id < before)
        ][:limit]

    async def last_changes(self) -> Sequence[StateChange]:
        return list({(each.resource, each.outage): each for each in self._memory.state_changes}.values())

    async def purge(self, before: datetime) -> int:
        last = {each.id for each in await self.last_changes()}
        changes = [each for each in self._memory.state_changes if each.at >= before or each.id in last]
        observed = {each.probe: each for each in await self.observations() if each.expires_at >= before}
        dropped = len(self._memory.state_changes) - len(changes) + len(self._memory.observations) - len(observed)
        self._memory.state_changes, self._memory.observations = changes, observed
        return dropped

    def _number(self, kind: str, number: int, kept: dict[int, Outage] | dict[int, Note]) -> int:
        if number and number not in kept:
            raise NotFound(f"There is no {kind} {number}.")
        return number or self._memory.next_number(kind)

    def _require_resource(self, name: ResourceName) -> None:
        if name not in self._memory.resources:
            raise NotFound(f"There is no resource {name}.")

    def _conclude(self, audit: AuditEntry) -> None:
        self._memory.status_version += 1
        self._memory.audit.append(audit)


def _seen(observation: Observation) -> tuple[str, str, str]:
    """What a view shows of it."""
    return observation.resource, observation.state, observation.description
