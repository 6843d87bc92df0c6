"""What callers ask to be run: submissions, each accepted at once as a task."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import NoHours, Unavailable
from superfacility.facility.jobs import Intent, JobScript
from superfacility.facility.people import People, UserName
from superfacility.facility.systems import Facility, System
from superfacility.oauth.principal import Principal
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.scripts import charged_to
from superfacility.services.compute.submissions import (
    GIVE_UP_AFTER,
    SUBMIT,
    Callback,
    SubmissionHandler,
    expect_nothing,
    submission,
)
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler
from superfacility.tasks.task import NewTask, Task

_COME_BACK = 30
"""Seconds after which a refused caller may ask again."""


class WhenAway(StrEnum):
    """What becomes of a submission while the scheduler is known not to answer."""

    QUEUE = "queue"
    REFUSE = "refuse"


async def _afford_any(user: UserName, system: System, script: JobScript) -> str | None:
    """For a site that does not count hours."""
    return None


def _accept_any(callback: Callback) -> None:
    """For a site without callbacks: they are kept and nothing more."""


@dataclass(frozen=True, slots=True)
class SubmissionRules:
    """A site's choices. A queued submission is given up `give_up_after` it was accepted; `check` refuses callbacks
    that can never be made, `expect` hears of each submission before its job can exist. `afford` raises for a job that
    nobody has hours for, or says what its user should be warned of."""

    when_away: WhenAway = WhenAway.QUEUE
    give_up_after: timedelta = GIVE_UP_AFTER
    check: Callable[[Callback], None] = _accept_any
    expect: Callable[[Task], Awaitable[None]] = expect_nothing
    afford: Callable[[UserName, System, JobScript], Awaitable[str | None]] = _afford_any


@dataclass(frozen=True, slots=True)
class ComputeService:
    """`collectors` has one for each system with a scheduler, by the system's name."""

    facility: Facility
    queue: TaskQueue
    clock: Clock
    collectors: Mapping[str, Collector]
    people: People
    rules: SubmissionRules = field(default_factory=SubmissionRules)

    def handlers(self) -> tuple[Handler, ...]:
        rules = self.rules
        return (SubmissionHandler(self.facility, self.people, rules.give_up_after, rules.expect).handler(),)

    async def submit(
        self,
        principal: Principal,
        machine: str,
        script: JobScript,
        callback: Callback,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        """Accepted at once, without a word to the scheduler or the system; its answer is the task's result."""
        system = self.facility.system(machine)
        system.require_scheduler()
        self.rules.check(callback)
        script = charged_to(principal.project, script)
        try:
            warning = await self._permitted(principal, system, script)
        except (Unavailable, NoHours):
            if idempotency is not None and (earlier := await self.queue.accepted(idempotency)) is not None:
                return earlier
            raise
        intent = submission(system.name, script, callback, Intent(new_uuid()), warning)
        now = self.clock.now()
        new = NewTask(principal.user.name, SUBMIT, intent, now, principal.level.label, principal.client_id)
        return await self.queue.accept(new, principal.audit(now, SUBMIT, system.name), idempotency)

    async def _permitted(self, principal: Principal, system: System, script: JobScript) -> str | None:
        """What the caller should be warned of; raises for what is not taken now."""
        if self.rules.when_away is WhenAway.REFUSE and not self.collectors[system.name].answers:
            raise Unavailable(
                f"The scheduler of {system.name} does not answer now, and this site keeps no submissions for later: "
                "try again in a while.",
                retry_after=_COME_BACK,
            )
        return await self.rules.afford(principal.user.name, system, script)
