"""What is read of jobs: the queue and the accounting."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from superfacility.adapters.slurm.capabilities import Found
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.accounting import parse_sacct, query_filters, sacct_arguments, sacct_fields
from superfacility.adapters.slurm.reading.arrays import is_job_id, stands_for_nothing_but
from superfacility.adapters.slurm.reading.queue import Queue, parse_squeue, squeue_arguments
from superfacility.adapters.slurm.reading.remembered import as_accounted, exit_arguments, parse_exits
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks
from superfacility.core.clock import Clock
from superfacility.facility.errors import Unavailable, Unsupported
from superfacility.facility.jobs import Job, JobId, JobQuery, id_order, submission_id

_IDS_AT_ONCE = 2_000
_NONE: Mapping[JobId, Job] = MappingProxyType({})


class Looking:
    """Reads as the collector's account."""

    def __init__(self, programs: Programs, clock: Clock) -> None:
        self._programs = programs
        self._clock = clock
        self._latest: Queue | None = None
        self._known_fields: frozenset[str] = frozenset()

    async def queue(self) -> Queue:
        marks = Marks()
        text = await self._programs.read(self._programs.reader, squeue_arguments(marks), marks)
        self._latest = await asyncio.to_thread(self._queue, text, marks)
        return self._latest

    def _queue(self, text: str, marks: Marks) -> Queue:
        try:
            limit = self._programs.options.array_limit
            return parse_squeue(text, marks, array_limit=limit, before=self._latest)
        except GarbledError as error:
            raise self._programs.garbled("squeue", error) from None

    async def accounted(self, query: JobQuery, slurm: Found) -> Sequence[Job]:
        """What accounting does not know (yet) is asked of the controller; so is everything if it does not answer."""
        wanted = frozenset(filter(is_job_id, query.ids))
        if query.ids and not wanted:
            return ()
        try:
            jobs = await self._accounted(query, wanted)
        except Unavailable:
            jobs = await self._remembered(wanted) if wanted else []
            if not wanted or _unknown(wanted, jobs):
                raise
            if query.up_to_date and any(self._may_be_forgotten(job, slurm) for job in jobs):
                raise
        else:
            jobs = await self._completed(wanted, jobs, up_to_date=query.up_to_date)
        return _answer(query, jobs)

    def _may_be_forgotten(self, part: Job, slurm: Found) -> bool:
        """Whether others of the same array can have ended before all that the controller remembers."""
        if part.id == part.parent_id or part.submitted_at is None:
            return False
        return (self._clock.now() - part.submitted_at).total_seconds() > slurm.minimum_job_age

    async def _completed(self, wanted: frozenset[str], jobs: list[Job], *, up_to_date: bool) -> list[Job]:
        plain = self._perhaps_parted(wanted, jobs)
        closed = {job.id: job for job in jobs if job.ended_at is not None and job.id not in plain}
        asked = wanted if up_to_date else _unknown(wanted, jobs) | plain
        if not asked:
            return jobs
        found = await self._remembered(asked, closed)
        parents = {job.parent_id for job in found if job.parent_id != job.id}
        known = closed.keys() | {job.id for job in found}
        return [
            *(job for job in jobs if job.id in closed or not _outdated(job, parents, known)),
            *(job for job in found if job.id not in plain),
        ]

    def _perhaps_parted(self, wanted: Collection[str], jobs: Sequence[Job]) -> set[str]:
        """Slurm 26.05, whose jobs have a SLUID, records a part of a heterogeneous job that has not started as a job of
        its own."""
        if "sluid" not in self._known_fields:
            return set()
        return {job.id for job in jobs if job.id in wanted and job.id == job.parent_id and job.started_at is None}

    async def _accounted(self, query: JobQuery, wanted: Collection[str]) -> list[Job]:
        jobs: list[Job] = []
        ids = sorted(wanted)
        for at in range(0, max(1, len(ids)), _IDS_AT_ONCE):
            jobs += await self._sacct(query, frozenset(ids[at : at + _IDS_AT_ONCE]))
        return jobs

    async def _sacct(self, query: JobQuery, ids: frozenset[str]) -> list[Job]:
        """After a failure sacct is asked for its fields anew: an upgrade may have renamed some."""
        try:
            marks, fields = Marks(), sacct_fields(await self.sacct_knows())
            filters = query_filters(query, ids, self._clock.now())
            arguments = sacct_arguments(marks, list(fields.values()), *filters)
            text = await self._programs.read(self._programs.reader, arguments, marks)
            limit = self._programs.options.array_limit
            return await asyncio.to_thread(parse_sacct, text, marks, fields, array_limit=limit)
        except GarbledError as error:
            self._known_fields = frozenset()
            raise self._programs.garbled("sacct", error) from None
        except Unavailable:
            self._known_fields = frozenset()
            raise

    async def sacct_knows(self) -> frozenset[str]:
        """The names of all fields, in lower case."""
        if not self._known_fields:
            text = await self._programs.read(self._programs.reader, ("sacct", "--helpformat"), Marks())
            self._known_fields = frozenset(text.lower().split())
        return self._known_fields

    async def remembered(self, query: JobQuery, found: Found) -> Sequence[Job]:
        """For a site without accounting: what the controller remembers."""
        age = found.minimum_job_age
        if query.since is not None and (self._clock.now() - query.since).total_seconds() > age:
            raise Unsupported(
                f"{self._programs.system} keeps no accounting of jobs, and forgets ended ones after {age:g} s; ask for "
                "a shorter time."
            )
        wanted = frozenset(filter(is_job_id, query.ids))
        if query.ids and not wanted:
            return ()
        return _answer(query, await self._remembered(wanted))

    async def _remembered(self, ids: Collection[str], closed: Mapping[JobId, Job] = _NONE) -> list[Job]:
        """But for what is `closed`, unless it has been put back into the queue since, or has another's old id."""
        marks, filters = Marks(), ["--states=all"]
        if ids:
            filters.append(f"--jobs={','.join(sorted({submission_id(each) for each in ids}))}")
        reader = self._programs.reader
        text = await self._programs.read_if_known(reader, squeue_arguments(marks, *filters), marks)
        if text is None:
            return []
        listed = (await asyncio.to_thread(self._queue, text, marks)).jobs
        jobs = [job for job in listed if not _is_over(closed.get(job.id), job)]
        if not any(job.state.terminal for job in jobs):
            return as_accounted(jobs, {})
        exits = await self._programs.read_if_known(reader, exit_arguments(*filters), marks)
        try:
            return as_accounted(jobs, parse_exits(exits or ""))
        except GarbledError as error:
            raise self._programs.garbled("squeue", error) from None


def _unknown(wanted: Collection[str], jobs: Sequence[Job]) -> set[str]:
    return set(wanted) - {job.id for job in jobs} - {job.parent_id for job in jobs}


def _is_over(closed: Job | None, job: Job) -> bool:
    """Whether accounting has the end of this very run of the job."""
    if closed is None or closed.ended_at is None:
        return False
    if job.submitted_at == closed.ended_at:
        return closed.submitted_at == job.submitted_at
    return job.submitted_at is None or job.submitted_at < closed.ended_at


def _outdated(job: Job, parents: Collection[str], known: Collection[str]) -> bool:
    """Accounting's row for a whole, or for the waiting rest of one, whose parts are known."""
    return job.id in parents or ("[" in job.id and job.id not in known and stands_for_nothing_but(job.id, known))


def _answer(query: JobQuery, jobs: Sequence[Job]) -> list[Job]:
    """What matches, once each, in the order of ids."""
    chosen = {job.id: job for job in jobs if query.matches(job)}
    return sorted(chosen.values(), key=lambda job: id_order(job.id))
