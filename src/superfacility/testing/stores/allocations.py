"""Allocations of hours in memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date

from superfacility.facility.accounting.allocations import (
    HoursAllocation,
    Payer,
    Share,
    Standing,
    WhenExhausted,
    check_others,
    overlap,
)
from superfacility.facility.accounting.charges import Charge, HoursKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound
from superfacility.facility.people import Project, ProjectName, UserName
from superfacility.testing.stores.memory import Memory


class MemoryAllocations:
    """`Allocations` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def standings(self, projects: Sequence[ProjectName], *, user: UserName | None = None) -> Sequence[Standing]:
        found = [each for each in self._memory.allocations.values() if each.project in projects]
        found.sort(key=lambda each: (each.project, each.kind, each.begins or date.min))
        return [self._standing(each, user) for each in found]

    async def payer(self, user: UserName, named: str, kind: HoursKind, day: date) -> Payer | None:
        project = self._payer(user, named)
        if project is None:
            return None
        given = [
            each for each in self._memory.allocations.values() if (each.project, each.kind) == (project.name, kind)
        ]
        current = next((each for each in given if each.covers(day)), None)
        return Payer(
            project.name,
            project.active,
            bool(given),
            None if current is None else self._standing(current, user),
            self._memory.allocation_rules.get(project.name),
        )

    async def add(self, allocation: HoursAllocation, audit: AuditEntry) -> HoursAllocation:
        self._require_project(allocation.project)
        self._require_room(allocation)
        saved = replace(allocation, id=self._memory.next_number("allocation"))
        self._memory.allocations[saved.id] = saved
        self._memory.audit.append(audit)
        return saved

    async def change(self, allocation: HoursAllocation, audit: AuditEntry) -> None:
        self._require_room(allocation)
        known = self._known(allocation.id)
        self._memory.allocations[known.id] = replace(
            known, hours=allocation.hours, begins=allocation.begins, ends=allocation.ends
        )
        self._forget_notices(known.id)
        self._memory.audit.append(audit)

    async def remove(self, allocation_id: int, audit: AuditEntry, *, unlimited: bool = False) -> None:
        known = self._known(allocation_id)
        kept = [(each.project, each.kind) for each in self._memory.allocations.values()]
        check_others(known, kept.count((known.project, known.kind)) - 1, unlimited=unlimited)
        del self._memory.allocations[allocation_id]
        self._forget_notices(allocation_id)
        self._memory.audit.append(audit)

    async def shares(self, project: ProjectName) -> Sequence[Share]:
        found = [each for each in self._memory.shares.values() if each.project == project]
        return sorted(found, key=lambda each: (each.kind, each.user))

    async def set_share(self, share: Share, audit: AuditEntry) -> None:
        if (share.project, share.user) not in self._memory.memberships:
            raise NotFound(f"{share.user} is not a member of {share.project}.")
        key = (share.project, share.user, share.kind.value)
        self._memory.shares.pop(key, None)
        if share.hours is not None or share.percent is not None:
            self._memory.shares[key] = share
        self._memory.audit.append(audit)

    async def rule(self, project: ProjectName) -> WhenExhausted | None:
        return self._memory.allocation_rules.get(project)

    async def set_rule(self, project: ProjectName, rule: WhenExhausted | None, audit: AuditEntry) -> None:
        self._require_project(project)
        self._memory.allocation_rules.pop(project, None)
        if rule is not None:
            self._memory.allocation_rules[project] = rule
        self._memory.audit.append(audit)

    async def claim_notice(self, allocation_id: int, percent: int) -> bool:
        known = self._memory.allocation_notices
        if (allocation_id, percent) in known:
            return False
        known.add((allocation_id, percent))
        return True

    def _payer(self, user: UserName, named: str) -> Project | None:
        mine = [self._memory.projects[of] for of, member in sorted(self._memory.memberships) if member == user]
        chosen = [each for each in mine if each.name == named] or [each for each in mine if each.active]
        return chosen[0] if chosen else None

    def _standing(self, allocation: HoursAllocation, user: UserName | None) -> Standing:
        charged = list(self._charged(allocation))
        share = None if user is None else self._memory.shares.get((allocation.project, user, allocation.kind.value))
        own = sum(each.node_hours for each in charged if each.user == user)
        return Standing(allocation, sum(each.node_hours for each in charged), own, share)

    def _charged(self, allocation: HoursAllocation) -> Iterator[Charge]:
        for each in self._memory.charges.values():
            same = (each.project, each.kind) == (allocation.project, allocation.kind)
            if same and allocation.covers(each.ended_at.date()):
                yield each

    def _known(self, allocation_id: int) -> HoursAllocation:
        found = self._memory.allocations.get(allocation_id)
        if found is None:
            raise NotFound(f"There is no allocation {allocation_id}.")
        return found

    def _forget_notices(self, allocation_id: int) -> None:
        known = self._memory.allocation_notices
        known.difference_update([each for each in known if each[0] == allocation_id])

    def _require_project(self, project: ProjectName) -> None:
        if project not in self._memory.projects:
            raise NotFound(f"There is no project {project}.")

    def _require_room(self, wanted: HoursAllocation) -> None:
        for each in self._memory.allocations.values():
            same = (each.project, each.kind) == (wanted.project, wanted.kind)
            if same and each.id != wanted.id and each.overlaps(wanted):
                raise overlap(each)
