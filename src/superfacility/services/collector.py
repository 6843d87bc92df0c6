"""One collector per system: everybody reads its snapshot, and the scheduler is asked once for all of them."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.jobs import Job, JobQuery, QueueSnapshot
from superfacility.facility.systems import System
from superfacility.services.flights import SingleFlight

_QUERIES_KEPT = 100
_PATIENCE = 5.0
"""Seconds to wait for a new reading where an old one would do: callers give up after ten."""


class QueueView:
    """A snapshot with its indexes. `answers` is room for whoever renders it to keep what it made of it."""

    def __init__(self, snapshot: QueueSnapshot, read_at: float) -> None:
        self.snapshot = snapshot
        self.read_at = read_at
        self.answers: dict[str, bytes] = {}
        self._by_id: dict[str, Job] = {job.id: job for job in snapshot.jobs}
        self._by_parent: defaultdict[str, list[Job]] = defaultdict(list)
        self._by_user: defaultdict[str, list[Job]] = defaultdict(list)
        for job in snapshot.jobs:
            self._by_user[job.user].append(job)
            if "_" in job.id:
                self._by_parent[job.parent_id].append(job)

    @property
    def jobs(self) -> tuple[Job, ...]:
        return self.snapshot.jobs

    @property
    def taken_at(self) -> datetime:
        return self.snapshot.taken_at

    def with_id(self, job_id: str) -> Sequence[Job]:
        """The job, or the elements of the array."""
        found = self._by_id.get(job_id)
        elements = self._by_parent.get(job_id, [])
        return ([found] if found else []) + elements

    def select(self, query: JobQuery) -> Sequence[Job]:
        """What matches, in the snapshot's order, looking only at what can."""
        if query == JobQuery():
            return self.jobs
        candidates: Iterable[Job] = self.jobs
        if query.ids:
            candidates = [job for job_id in sorted(query.ids, key=_id_order) for job in self.with_id(job_id)]
            candidates = list({job.id: job for job in candidates}.values())
        elif len(query.users) == 1:
            candidates = self._by_user.get(next(iter(query.users)), [])
        return [job for job in candidates if query.matches(job)]


@dataclass(slots=True)
class _Accounted:
    """The latest answer to one query of accounting."""

    flight: SingleFlight[Sequence[Job]]
    jobs: Sequence[Job] = field(default_factory=tuple)
    read_at: float | None = None


class Collector:
    """Reads one system's scheduler at most once per `period` seconds, and never twice at the same time.

    When the scheduler does not answer, the last good reading stays, and its age with it; no job changes its state.
    """

    def __init__(self, system: System, clock: Clock, *, period: float = 5.0) -> None:
        self.system = system
        self.period = period
        self._scheduler = system.require_scheduler()
        self._clock = clock
        self._view: QueueView | None = None
        self._flight = SingleFlight(self._read)
        self._queries: dict[JobQuery, _Accounted] = {}

    @property
    def current(self) -> QueueView | None:
        """The latest view if it is young enough; never waits."""
        found = self._view
        return found if found is not None and self._young(found.read_at) else None

    async def view(self, *, fresh: bool = False) -> QueueView:
        """`fresh` joins the next reading that begins from now on."""
        found = self.current
        if found is not None and not fresh:
            return found
        try:
            async with asyncio.timeout(None if self._view is None else _PATIENCE):
                return await (self._flight.fresh() if fresh else self._flight.join())
        except (FacilityError, TimeoutError):
            if self._view is None:
                raise
            return self._view

    async def accounting(self, query: JobQuery, *, fresh: bool = False) -> Sequence[Job]:
        """As `Scheduler.accounting`; the same query of several callers is asked once."""
        entry = self._queries.get(query) or self._entry(query)
        if not fresh and entry.read_at is not None and self._young(entry.read_at):
            return entry.jobs
        try:
            async with asyncio.timeout(None if entry.read_at is None else _PATIENCE):
                return await (entry.flight.fresh() if fresh else entry.flight.join())
        except (FacilityError, TimeoutError):
            if entry.read_at is None:
                raise
            return entry.jobs

    def _young(self, read_at: float) -> bool:
        return self._clock.monotonic() - read_at < self.period

    async def _read(self) -> QueueView:
        began = self._clock.monotonic()
        self._view = QueueView(await self._scheduler.queue(), began)
        return self._view

    def _entry(self, query: JobQuery) -> _Accounted:
        async def ask() -> Sequence[Job]:
            began = self._clock.monotonic()
            jobs = await self._scheduler.accounting(query)
            entry.jobs, entry.read_at = jobs, began
            return jobs

        if len(self._queries) >= _QUERIES_KEPT:
            self._forget()
        entry = _Accounted(SingleFlight(ask))
        self._queries[query] = entry
        return entry

    def _forget(self) -> None:
        old = [query for query, entry in self._queries.items() if entry.flight.idle]
        for query in old:
            del self._queries[query]


def _id_order(job_id: str) -> tuple[int, str]:
    parent = job_id.partition("_")[0]
    return (int(parent) if parent.isdecimal() else 0, job_id)
