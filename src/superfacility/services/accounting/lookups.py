"""Ended jobs of which the queue did not tell all that their price depends on: accounting is asked a little later."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.jobs import Job, JobId, JobQuery
from superfacility.facility.systems import System

_TRIES = 20
"""What accounting has not told by then, its hourly reading will."""

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Lookups:
    """At most one question to a system in `pause` seconds, however many jobs end."""

    clock: Clock
    pause: float = 15.0
    _waiting: dict[str, dict[JobId, int]] = field(default_factory=dict)
    _next: dict[str, float] = field(default_factory=dict)

    def add(self, system: System, job_id: JobId) -> None:
        self._waiting.setdefault(system.name, {})[job_id] = 0

    async def ended(self, system: System) -> Sequence[Job]:
        """Those that accounting knows by now; each once."""
        waiting = self._waiting.get(system.name)
        now = self.clock.monotonic()
        if not waiting or system.scheduler is None or now < self._next.get(system.name, 0.0):
            return ()
        self._next[system.name] = now + self.pause
        try:
            found = await system.scheduler.accounting(JobQuery(ids=frozenset(waiting)))
        except FacilityError as error:
            log.info("charges.not_looked_up", system=system.name, error=str(error))
            found = ()
        ended = [job for job in found if job.state.terminal and job.id in waiting]
        known = {job.id for job in ended}
        self._waiting[system.name] = {
            job_id: tries + 1 for job_id, tries in waiting.items() if job_id not in known and tries + 1 < _TRIES
        }
        return ended
