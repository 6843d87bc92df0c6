"""Hours that projects were given: staff give them, managers of a project divide them, members see how they stand."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.facility.accounting.allocations import (
    Allocations,
    HoursAllocation,
    Share,
    Standing,
    WhenExhausted,
    current,
)
from superfacility.facility.accounting.charges import HoursKind, Ledger, Step, UsageBy, UsageQuery, UsageStep
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted
from superfacility.facility.membership.permissions import Permission, may
from superfacility.facility.people import Membership, People, ProjectName, UserName
from superfacility.services.access.applications import Actor

_MOST_HOURS = 1e12
_USUAL_WINDOW = timedelta(days=30)
_MOST_DAYS = {Step.DAY: 366, Step.WEEK: 5 * 366, Step.MONTH: 20 * 366}


@dataclass(frozen=True, slots=True)
class HoursBalance:
    """One kind of hours of a project now, and one member's part of it; what is given is None without limit.

    Without an allocation it is of all time; else of `period`, its allocation.
    """

    used: float
    own_used: float
    given: float | None = None
    own_given: float | None = None
    period: HoursAllocation | None = None


@dataclass(frozen=True, slots=True)
class AllocationService:
    """Projects of others are as unknown as those that do not exist; staff see all."""

    allocations: Allocations
    ledger: Ledger
    people: People
    clock: Clock

    def today(self) -> date:
        return self.clock.now().astimezone(UTC).date()

    async def standings(self, actor: Actor, project: str | None = None) -> Sequence[Standing]:
        """Of one project, or of all that the caller is a member of."""
        if project is None:
            names = await self._own_projects(actor)
        else:
            names = [await self.require_known(actor, project)]
        return await self.allocations.standings(names, user=None if actor.user is None else actor.user.name)

    async def balances(
        self, projects: Sequence[ProjectName], user: UserName | None
    ) -> Mapping[tuple[ProjectName, HoursKind], HoursBalance]:
        """Every kind of every project."""
        given: dict[tuple[ProjectName, HoursKind], list[Standing]] = defaultdict(list)
        for each in await self.allocations.standings(projects, user=user):
            given[each.allocation.project, each.allocation.kind].append(each)
        found = dict.fromkeys(((name, kind) for name in projects for kind in HoursKind), HoursBalance(0.0, 0.0))
        for usage in await self.ledger.usage(projects=projects):
            key = (ProjectName(usage.project), usage.kind)
            own = usage.node_hours if usage.user == user else 0.0
            found[key] = HoursBalance(found[key].used + usage.node_hours, found[key].own_used + own)
        today = self.today()
        for key, standings in given.items():
            now = current(standings, today)
            assert now is not None, "there is at least one"
            found[key] = HoursBalance(now.used, now.own_used, now.allocation.hours, now.own_given, now.allocation)
        return found

    async def allocate(self, actor: Actor, allocation: HoursAllocation) -> HoursAllocation:
        """Its id does not count."""
        await self._require_staff(actor, allocation.project)
        _check(allocation)
        audit = actor.audit(
            self.clock.now(), "allocations.add", allocation.project, f"{_words(allocation)} {allocation.period}"
        )
        return await self.allocations.add(replace(allocation, id=0), audit)

    async def change(
        self, actor: Actor, project: str, allocation_id: int, changes: Mapping[str, Any]
    ) -> HoursAllocation:
        """`changes` are of `hours`, `begins` and `ends`; what is left out stays, None takes a bound away."""
        found = await self._find(actor, project, allocation_id)
        changed = replace(found, **changes)
        _check(changed)
        audit = actor.audit(
            self.clock.now(),
            "allocations.change",
            found.project,
            f"{allocation_id}: {_words(found)} {found.period} -> {_words(changed)} {changed.period}",
        )
        await self.allocations.change(changed, audit)
        return changed

    async def remove(
        self, actor: Actor, project: str, allocation_id: int, *, unlimited: bool = False
    ) -> HoursAllocation:
        """What was used stays in the ledger. The last one of a kind goes only if the project is to be `unlimited`."""
        found = await self._find(actor, project, allocation_id)
        audit = actor.audit(
            self.clock.now(), "allocations.remove", found.project, f"{allocation_id}: {_words(found)} {found.period}"
        )
        await self.allocations.remove(allocation_id, audit, unlimited=unlimited)
        return found

    async def set_hours(self, actor: Actor, project: str, kind: HoursKind, hours: float) -> HoursAllocation:
        """Of the allocation of today; a project without any gets one without end."""
        await self._require_staff(actor, ProjectName(project))
        standings = await self.allocations.standings([ProjectName(project)])
        now = current([each for each in standings if each.allocation.kind is kind], self.today())
        if now is None:
            return await self.allocate(actor, HoursAllocation(0, ProjectName(project), kind, hours))
        return await self.change(actor, project, now.allocation.id, {"hours": hours})

    async def shares(self, actor: Actor, project: str) -> Sequence[Share]:
        return await self.allocations.shares(await self.require_known(actor, project))

    async def set_share(self, actor: Actor, share: Share) -> None:
        """By those who may divide the project's hours; one without hours and percent takes the bound away."""
        name = await self.require_known(actor, share.project)
        if not actor.staff and not may(await self._role(actor, name), Permission.EDIT_ALLOCATION):
            raise NotPermitted(
                f"Dividing the hours of {name} is for its PI, PI proxies and resource managers; ask one of them."
            )
        _check_share(share)
        detail = f"{share.user} {share.kind.value} " + _share_words(share)
        audit = actor.audit(self.clock.now(), "allocations.share", name, detail)
        await self.allocations.set_share(share, audit)

    async def rule(self, actor: Actor, project: str) -> WhenExhausted | None:
        return await self.allocations.rule(await self.require_known(actor, project))

    async def set_rule(self, actor: Actor, project: str, rule: WhenExhausted | None) -> None:
        """None: the facility's."""
        name = ProjectName(project)
        await self._require_staff(actor, name)
        detail = "as the facility" if rule is None else rule.value
        await self.allocations.set_rule(name, rule, actor.audit(self.clock.now(), "allocations.rule", name, detail))

    def query(self, first: date | None, last: date | None, step: Step, by: UsageBy | None) -> UsageQuery:
        """Bounds that are left out are the last 30 days."""
        last = self.today() if last is None else last
        first = last - min(_USUAL_WINDOW, last - date.min) if first is None else first
        if last < first:
            raise InvalidInput(f"It would end on {last}, before it begins on {first}.")
        if (last - first).days > _MOST_DAYS[step]:
            raise InvalidInput(f"Ask for at most {_MOST_DAYS[step]} days at a time by {step.value}.")
        return UsageQuery(first, last, step, by)

    async def own_usage(self, actor: Actor, query: UsageQuery) -> tuple[UsageQuery, Sequence[UsageStep]]:
        """By a client that is bound to a project: in that."""
        asked = replace(query, user=actor.name, project=actor.project)
        return asked, await self.ledger.over_time(asked)

    async def project_usage(
        self, actor: Actor, project: str, query: UsageQuery
    ) -> tuple[UsageQuery, Sequence[UsageStep]]:
        """Of all members, for each of them."""
        asked = replace(query, project=await self.require_known(actor, project))
        return asked, await self.ledger.over_time(asked)

    async def require_known(self, actor: Actor, project: str) -> ProjectName:
        """`NotFound` for a project that the caller may not know of."""
        name = ProjectName(project)
        bound = actor.project not in (None, name)
        if not bound and (await self._role(actor, name) is not None):
            return name
        if not bound and actor.staff and await self.people.project(name) is not None:
            return name
        if actor.user is None:
            raise NotFound(f"No project named {project!r}; `sfapi admin project list` shows them.")
        raise NotFound(f"You have no project named {project!r}; GET /account/projects lists yours.")

    async def _require_staff(self, actor: Actor, project: ProjectName) -> None:
        await self.require_known(actor, project)
        if not actor.staff:
            raise NotPermitted(
                f"The hours of {project} are given by the facility's staff; ask them. Its PI can divide them among "
                f"its members with PUT /account/projects/{project}/shares/{{user}}."
            )

    async def _role(self, actor: Actor, project: ProjectName) -> Any:
        membership = next((each for each in await self._memberships(actor) if each.project.name == project), None)
        return None if membership is None else membership.role

    async def _own_projects(self, actor: Actor) -> list[ProjectName]:
        names = [each.project.name for each in await self._memberships(actor)]
        return [name for name in names if actor.project in (None, name)]

    async def _memberships(self, actor: Actor) -> Sequence[Membership]:
        if actor.user is None:
            return ()
        return [each for each in await self.people.memberships(user=actor.user.name) if each.project.active]

    async def _find(self, actor: Actor, project: str, allocation_id: int) -> HoursAllocation:
        await self._require_staff(actor, ProjectName(project))
        for each in await self.allocations.standings([ProjectName(project)]):
            if each.allocation.id == allocation_id:
                return each.allocation
        raise NotFound(f"{project} has no allocation {allocation_id}; list its allocations to see their ids.")


def _check(allocation: HoursAllocation) -> None:
    if allocation.hours is not None:
        _check_hours(allocation.hours)
    if allocation.begins is not None and allocation.ends is not None and allocation.ends < allocation.begins:
        raise InvalidInput(f"It would end on {allocation.ends}, before it begins on {allocation.begins}.")


def _check_hours(hours: float) -> None:
    if not math.isfinite(hours) or not 0 <= hours <= _MOST_HOURS:
        raise InvalidInput(f"Hours are a number from 0 to {_MOST_HOURS:.0e}; without a limit leave them out.")


def _check_share(share: Share) -> None:
    if share.hours is not None and share.percent is not None:
        raise InvalidInput("A share is so many hours or so many percent, not both.")
    if share.hours is not None:
        _check_hours(share.hours)
    if share.percent is not None and not 0 <= share.percent <= 100:
        raise InvalidInput("A share is 0 to 100 percent.")


def _words(allocation: HoursAllocation) -> str:
    hours = "no limit of" if allocation.hours is None else f"{allocation.hours:g}"
    return f"{hours} {allocation.kind.value} hours"


def _share_words(share: Share) -> str:
    if share.hours is not None:
        return f"{share.hours:g} hours"
    return "without a bound" if share.percent is None else f"{share.percent:g} %"
