"""Telling the heads of a project that most or all of its hours are used: once for each allocation."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC

from superfacility.core.clock import Clock
from superfacility.facility.accounting.allocations import Allocations, Standing
from superfacility.facility.people import People, ProjectName, Role
from superfacility.services.notices import Notices

_HEADS = frozenset({Role.PI, Role.PI_PROXY})


@dataclass(frozen=True, slots=True)
class BudgetWatch:
    """`percents` of an allocation's hours at which its project's PI and PI proxies get a mail."""

    allocations: Allocations
    people: People
    notices: Notices
    clock: Clock
    percents: Collection[int] = (80, 100)

    async def look(self, projects: Collection[str]) -> None:
        """After charges of these projects were written."""
        names = sorted(ProjectName(name) for name in projects if name)
        today = self.clock.now().astimezone(UTC).date()
        for standing in await self.allocations.standings(names) if names and self.percents else ():
            if standing.allocation.covers(today):
                await self._tell(standing)

    async def _tell(self, standing: Standing) -> None:
        """Of what was reached at once the most alone is told."""
        given = standing.allocation.hours
        if given is None:
            return
        reached = [each for each in self.percents if standing.used * 100 >= given * each]
        claimed = [each for each in reached if await self.allocations.claim_notice(standing.allocation.id, each)]
        if not claimed or max(claimed) != max(reached):
            return
        project, kind = standing.allocation.project, standing.allocation.kind.value.upper()
        members = await self.people.memberships(project=project)
        await self.notices.tell(
            [each.user for each in members if each.role in _HEADS],
            f"{project} has used {max(claimed)} % of its {kind} hours",
            f"{project} has used {standing.used:.1f} of its {given:g} {kind} hours {standing.allocation.period}.\n"
            f"`sfapi usage {project}` shows by whom. For more hours ask the facility's staff.\n",
        )
