"""Accounting for callers: the same question of several is asked once, and questions about single jobs go together."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, Unavailable
from superfacility.facility.jobs import Job, JobId, JobQuery, id_order
from superfacility.facility.scheduler import Scheduler
from superfacility.services.compute.flights import SingleFlight

AT_ONCE = 4
"""Questions to one accounting that are under way."""
_QUERIES_KEPT = 100
_ROWS_KEPT = 50_000
_IDS_KEPT = 5_000
"""So many questions about one job, with at most `_ROWS_KEPT` rows together."""
_IDS_AT_ONCE = 500
_PATIENCE = 5.0
"""Seconds to wait for a new answer where there is an old one."""
_LONGEST_WAIT = 8.0
"""Where there is none: programs give up after ten, and the next one finds the answer that has come meanwhile."""
_LIMIT = 60.0
_LEAST_PERIOD = 1.0


@dataclass(frozen=True, slots=True)
class Accounted:
    """Rows of accounting; `as_of` is when the question was asked, `stale` if that is longer ago than it should be."""

    jobs: Sequence[Job]
    as_of: datetime
    read_at: float
    stale: bool = False


@dataclass(slots=True)
class _Entry:
    """The latest answer to one question."""

    flight: SingleFlight[Accounted]
    answer: Accounted | None = None


class AccountingReader:
    """When accounting does not answer, the last answer to the same question stays, if there is one. `up_to_date`
    is how it is asked for ids alone."""

    def __init__(
        self, name: str, scheduler: Scheduler, clock: Clock, period: float, *, up_to_date: bool = False
    ) -> None:
        self._name = name
        self._scheduler = scheduler
        self._clock = clock
        self._period = period
        self._up_to_date = up_to_date
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._queries: dict[JobQuery, _Entry] = {}
        self._rows: dict[str, Accounted] = {}
        self._wanted: set[str] = set()
        self._batches = SingleFlight(self._ask_ids)

    async def jobs(self, query: JobQuery, *, fresh: bool) -> Accounted:
        """As `Scheduler.accounting`. `fresh` joins a question that is asked from now on."""
        if query.ids and query == JobQuery(ids=query.ids):
            return await self._with_ids(query.ids, fresh=fresh)
        entry = self._queries.get(query) or self._entry(query)
        last = entry.answer
        if not fresh and last is not None and self._young(last.read_at):
            return last
        try:
            async with asyncio.timeout(_LONGEST_WAIT if last is None else _PATIENCE):
                return await (entry.flight.fresh() if fresh else entry.flight.join())
        except (FacilityError, TimeoutError) as problem:
            if last is None:
                raise self._trouble(problem) from problem
            return replace(last, stale=not self._young(last.read_at, 2))

    async def since(self, job_id: JobId, moment: float) -> Sequence[Job]:
        """What was answered of it to a question that was asked at that time of the clock or later; asks, if there is
        none. An answer that comes too late for this caller is there for the next."""
        kept = self._rows.get(job_id)
        if kept is None or kept.read_at < moment:
            kept = await self._with_ids(frozenset({job_id}), fresh=True)
        if kept.read_at < moment:
            raise self._trouble(TimeoutError())
        return kept.jobs

    async def _with_ids(self, ids: frozenset[str], *, fresh: bool) -> Accounted:
        arrived = self._clock.monotonic()
        missing = {job_id for job_id in ids if fresh or not self._knows(job_id)}
        try:
            while missing:
                self._wanted |= missing
                async with asyncio.timeout(_PATIENCE if missing <= self._rows.keys() else _LONGEST_WAIT):
                    await self._batches.fresh()
                    missing = {job_id for job_id in missing if not self._answered(job_id, arrived)}
        except (FacilityError, TimeoutError) as problem:
            if not ids <= self._rows.keys():
                raise self._trouble(problem) from problem
        answers = [self._rows[job_id] for job_id in ids if job_id in self._rows]
        found = {job.id: job for each in answers for job in each.jobs}
        oldest = min(answers, key=lambda each: each.read_at)
        jobs = [found[job_id] for job_id in sorted(found, key=id_order)]
        return replace(oldest, jobs=jobs, stale=not self._young(oldest.read_at, 2))

    def _answered(self, job_id: str, since: float) -> bool:
        found = self._rows.get(job_id)
        return found is not None and found.read_at >= since

    def _knows(self, job_id: str) -> bool:
        found = self._rows.get(job_id)
        return found is not None and self._young(found.read_at)

    def _young(self, read_at: float, periods: int = 1) -> bool:
        return self._clock.monotonic() - read_at < periods * max(self._period, _LEAST_PERIOD if periods > 1 else 0.0)

    async def _ask_ids(self) -> None:
        """Ask for what callers have come to want while the last batch was on its way."""
        ids = frozenset(sorted(self._wanted)[:_IDS_AT_ONCE])
        self._wanted -= ids
        as_of, began = self._clock.now(), self._clock.monotonic()
        rows: defaultdict[str, list[Job]] = defaultdict(list)
        for job in await self._ask(JobQuery(ids=ids, up_to_date=self._up_to_date)) if ids else ():
            for job_id in {job.id, job.parent_id} & ids:
                rows[job_id].append(job)
        for job_id in ids:
            self._rows.pop(job_id, None)
            self._rows[job_id] = Accounted(rows[job_id], as_of, began)
        kept = sum(len(each.jobs) for each in self._rows.values())
        while len(self._rows) > max(_IDS_KEPT if kept <= _ROWS_KEPT else 0, len(ids)):
            kept -= len(self._rows.pop(next(iter(self._rows))).jobs)

    async def _ask(self, query: JobQuery) -> Sequence[Job]:
        try:
            async with self._slots, asyncio.timeout(_LIMIT):
                return await self._scheduler.accounting(query)
        except TimeoutError as problem:
            raise self._trouble(problem) from problem

    def _trouble(self, problem: Exception) -> FacilityError:
        if isinstance(problem, FacilityError):
            return problem
        return Unavailable(f"{self._name}'s accounting does not answer yet: try again in a moment.")

    def _entry(self, query: JobQuery) -> _Entry:
        async def ask() -> Accounted:
            as_of, began = self._clock.now(), self._clock.monotonic()
            entry.answer = Accounted(await self._ask(query), as_of, began)
            return entry.answer

        kept = sum(len(each.answer.jobs) for each in self._queries.values() if each.answer is not None)
        if len(self._queries) >= _QUERIES_KEPT or kept > _ROWS_KEPT:
            self._queries = {query: entry for query, entry in self._queries.items() if not entry.flight.idle}
        entry = _Entry(SingleFlight(ask))
        self._queries[query] = entry
        return entry
