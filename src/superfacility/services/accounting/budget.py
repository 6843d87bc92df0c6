"""Whether somebody has hours for a submission: asked before it is accepted, of the database alone."""

from dataclasses import dataclass
from datetime import UTC, date

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.accounting.allocations import Allocations, Payer, Standing, WhenExhausted
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.batch.options import Asked, asked
from superfacility.facility.errors import NoHours
from superfacility.facility.jobs import JobScript
from superfacility.facility.people import People, UserName
from superfacility.facility.systems import System

_ANOTHER = "Or name another project of yours with #SBATCH --account; `sfapi balance` shows what they have left."

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Budget:
    """`rule` is the facility's, where a project has none of its own.

    Jobs that wait or run are not counted: what they will use is known when they have ended.
    """

    allocations: Allocations
    people: People
    clock: Clock
    rule: WhenExhausted

    async def check(self, user: UserName, system: System, script: JobScript) -> str | None:
        """What the user should be warned of; `NoHours` where the rule is to block.

        What a script on the system asks for is not known: it passes if any of its user's projects has hours.
        """
        wanted = Asked() if script.text is None else asked(script.text)
        kind = charged_kind(system, wanted)
        if kind is None:
            return None
        today = self.clock.now().astimezone(UTC).date()
        payer = await self.allocations.payer(user, script.project or wanted.account, kind, today)
        if payer is None:
            return None
        rule = payer.rule or self.rule
        problem = None if rule is WhenExhausted.IGNORE else _problem(payer, kind, today)
        if problem is None or (_may_name_any(script) and await self._another_pays(user, kind, today)):
            return None
        log.info("submission.no_hours", user=user, project=payer.project, system=system.name, rule=rule.value)
        if rule is WhenExhausted.BLOCK:
            raise NoHours(f"{problem} {_ANOTHER}\n")
        return problem

    async def _another_pays(self, user: UserName, kind: HoursKind, day: date) -> bool:
        for membership in await self.people.memberships(user=user):
            if membership.project.active:
                payer = await self.allocations.payer(user, membership.project.name, kind, day)
                if payer is not None and _problem(payer, kind, day) is None:
                    return True
        return False


def _may_name_any(script: JobScript) -> bool:
    """A script that lies on the system, unless its client is bound to one project."""
    return script.text is None and script.project is None


def charged_kind(system: System, wanted: Asked) -> HoursKind | None:
    """Which hours a job costs; None: it is free."""
    rate = system.rate
    partition, qos = wanted.partition or rate.default_partition, wanted.qos or rate.default_qos
    nodes = rate.node_type(partition, wanted.features, int(wanted.gpus))
    return nodes.kind if rate.factor_of(nodes, qos) > 0 else None


def _problem(payer: Payer, kind: HoursKind, day: date) -> str | None:
    name, hours = payer.project, f"{kind.value.upper()} hours"
    if not payer.active:
        return f"The project {name} is closed: ask the facility's staff."
    standing = payer.standing
    if standing is None:
        if not payer.limited:
            return None
        return f"The project {name} has no {hours} for {day}: its PI must ask the facility's staff for new ones."
    if standing.left is not None and standing.left <= 0:
        return (
            f"The project {name} has used {standing.used:.1f} of its {standing.allocation.hours:g} {hours} "
            f"{standing.allocation.period}: its PI must ask the facility's staff for more."
        )
    return _share_problem(payer, standing, hours)


def _share_problem(payer: Payer, standing: Standing, hours: str) -> str | None:
    given = standing.own_given
    if standing.share is None or given is None or standing.own_used < given:
        return None
    return (
        f"You have used {standing.own_used:.1f} of the {given:g} {hours} that are yours of the project "
        f"{payer.project}: ask its PI, a PI proxy or a resource manager for a larger share."
    )
