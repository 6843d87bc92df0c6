"""Asking accounting about jobs that left the queue: in batches, again while it lags, and never more than one question
at a time.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, Unsupported
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.scheduler import Scheduler
from superfacility.services.compute.reading.changes import answered, asked_id, end_of
from superfacility.services.compute.reading.trail import Departed, Trail

OVERLAP = timedelta(minutes=3)
"""How far a sweep looks back behind the last one: accounting may learn of an end late."""
FARTHEST = timedelta(hours=24)
_BATCH = 500
_BATCHES = 4
_SWEEP_SECONDS = 15.0
_SWEEP_SHARE = 50
"""A sweep takes at most one in so many seconds of accounting's time."""
_WAIT = 1.0
"""Seconds that a reading waits for accounting; what comes later counts with the next reading."""
_LIMIT = 60.0
_LONGEST_PAUSE = 60.0
_LATEST_LIMIT = 15.0
_TERMINAL = frozenset(state.value for state in JobState if state.terminal)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Evidence:
    """`answer` as for `changes.settle`, `ended` as for `changes.sweep` (None: not swept); `failed` if accounting gave
    no answer."""

    answer: Mapping[JobId, Sequence[Job]]
    ended: Sequence[Job] | None = None
    failed: bool = False


_NONE_YET = Evidence({})


class EvidenceSearch:
    """Each departed job is asked for at once, then after pauses that double."""

    def __init__(self, name: str, scheduler: Scheduler, clock: Clock) -> None:
        self._name = name
        self._scheduler = scheduler
        self._clock = clock
        self._task: asyncio.Task[Evidence] | None = None
        self._next: dict[JobId, tuple[float, float]] = {}
        self._sweep_at = float("-inf")

    async def found(self, trail: Trail) -> Evidence:
        """What is known by now; waits a moment, not longer."""
        if self._task is None and not self._start(trail):
            return _NONE_YET
        assert self._task is not None
        await asyncio.wait({self._task}, timeout=_WAIT)
        if not self._task.done():
            return _NONE_YET
        task, self._task = self._task, None
        return task.result()

    def _start(self, trail: Trail) -> bool:
        now = self._clock.monotonic()
        self._next = {job_id: self._next.get(job_id, (now, 1.0)) for job_id in trail.departed}
        due = [each for each in trail.departed.values() if self._next[each.job.id][0] <= now][: _BATCH * _BATCHES]
        sweeps = now >= self._sweep_at
        if not due and not sweeps:
            return False
        for each in due:
            pause = self._next[each.job.id][1]
            self._next[each.job.id] = (now + pause, min(2 * pause, _LONGEST_PAUSE))
        self._task = asyncio.create_task(self._ask(due, trail, sweeps=sweeps))
        return True

    async def _ask(self, due: Sequence[Departed], trail: Trail, *, sweeps: bool) -> Evidence:
        began = self._clock.monotonic()
        try:
            async with asyncio.timeout(_LIMIT):
                answer = await self._answer(due)
                ended = await self._ended(trail) if sweeps else None
        except Unsupported:
            return Evidence(answered(due, ()))
        except (FacilityError, TimeoutError) as problem:
            log.warning("accounting does not answer", system=self._name, problem=str(problem))
            return Evidence({}, failed=True)
        if sweeps:
            took = self._clock.monotonic() - began
            self._sweep_at = began + max(_SWEEP_SECONDS, _SWEEP_SHARE * took)
        return Evidence(answer, ended)

    async def _answer(self, due: Sequence[Departed]) -> Mapping[JobId, Sequence[Job]]:
        rows: list[Job] = []
        for first in range(0, len(due), _BATCH):
            ids = frozenset(asked_id(each.job) for each in due[first : first + _BATCH])
            rows.extend(await self._scheduler.accounting(JobQuery(ids=ids)))
        answer = answered(due, rows)
        behind = [each for each in due if _is_behind(each.job, answer[each.job.id])]
        return answer | await self._latest(behind[:_BATCH]) if behind else answer

    async def _latest(self, behind: Sequence[Departed]) -> dict[JobId, list[Job]]:
        """Of jobs whose end accounting has not learned of yet, what the scheduler itself remembers, if it tells."""
        query = JobQuery(ids=frozenset(asked_id(each.job) for each in behind), up_to_date=True)
        try:
            async with asyncio.timeout(_LATEST_LIMIT):
                return answered(behind, await self._scheduler.accounting(query))
        except (FacilityError, TimeoutError) as problem:
            log.warning("ends are waited for until accounting has them", system=self._name, problem=str(problem))
            return {}

    async def _ended(self, trail: Trail) -> Sequence[Job]:
        now = self._clock.now()
        since = max((trail.swept_at or now) - OVERLAP, now - FARTHEST)
        try:
            return await self._scheduler.accounting(JobQuery(since=since, states=_TERMINAL))
        except Unsupported:  # without accounting a scheduler forgets: all that it remembers, then
            return await self._scheduler.accounting(JobQuery(states=_TERMINAL))


def _is_behind(job: Job, rows: Sequence[Job]) -> bool:
    """Of the waiting elements of an array accounting may know some."""
    end = end_of(job, rows)
    return "[" in job.id or end is None or end.ended_at is None
