"""What is read of jobs: the queue, the accounting, the details of one."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from superfacility.adapters.slurm.capabilities import Found
from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.accounting import parse_sacct, query_filters, sacct_arguments, sacct_fields
from superfacility.adapters.slurm.reading.arrays import is_job_id
from superfacility.adapters.slurm.reading.details import (
    ACCOUNTING_FIELDS,
    OUTPUT_FIELDS,
    accounted_details,
    archived_script,
    parse_job,
    with_row,
)
from superfacility.adapters.slurm.reading.queue import Queue, parse_squeue, squeue_arguments
from superfacility.adapters.slurm.reading.remembered import as_accounted, exit_arguments, parse_exits
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks, body, rows
from superfacility.adapters.slurm.words import error_text, unavailable, unknown_job
from superfacility.core.clock import Clock
from superfacility.facility.errors import NotFound, Unavailable, Unsupported
from superfacility.facility.jobs import Job, JobDetails, JobId, JobQuery, id_order, submission_id
from superfacility.facility.people import User

_IDS_AT_ONCE = 2_000


class Looking:
    """Reads as the collector's account, but for details, which are read as the user who asks."""

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

    async def accounted(self, query: JobQuery) -> Sequence[Job]:
        """Ids that accounting does not know (yet) are asked of the controller; so are all if it does not answer."""
        wanted = frozenset(filter(is_job_id, query.ids))
        if query.ids and not wanted:
            return ()
        try:
            jobs = await self._accounted(query, wanted)
        except Unavailable:
            jobs = await self._remembered(wanted) if wanted else []
            if not wanted or _unknown(wanted, jobs):
                raise
        else:
            jobs = await self._completed(wanted, jobs)
        return _answer(query, jobs)

    async def _completed(self, wanted: Collection[str], jobs: list[Job]) -> list[Job]:
        whole = self._perhaps_parted(wanted, jobs)
        asked = _unknown(wanted, jobs) | whole
        found = await self._remembered(asked) if asked else []
        parted = {job.parent_id for job in found if job.parent_id != job.id}
        return [
            *(job for job in jobs if job.id not in whole or job.id not in parted),
            *(job for job in found if job.id not in whole),
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
            marks, fields = Marks(), sacct_fields(await self._sacct_knows())
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

    async def _sacct_knows(self) -> frozenset[str]:
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

    async def _remembered(self, ids: Collection[str]) -> list[Job]:
        marks, filters = Marks(), ["--states=all"]
        if ids:
            filters.append(f"--jobs={','.join(sorted({submission_id(each) for each in ids}))}")
        reader = self._programs.reader
        text = await self._programs.read_if_known(reader, squeue_arguments(marks, *filters), marks)
        if text is None:
            return []
        jobs = (await asyncio.to_thread(self._queue, text, marks)).jobs
        if not any(job.state.terminal for job in jobs):
            return as_accounted(jobs, {})
        exits = await self._programs.read_if_known(reader, exit_arguments(*filters), marks)
        try:
            return as_accounted(jobs, parse_exits(exits or ""))
        except GarbledError as error:
            raise self._programs.garbled("squeue", error) from None

    async def details(self, user: User, job_id: JobId, found: Found) -> JobDetails:
        if not is_job_id(job_id):
            raise NotFound(f"{self._programs.system} knows no job {job_id!r}.")
        result = await self._programs.ask(user, ("scontrol", "show", "job", job_id))
        if result.exit_code == 0:
            live = await self._live(user, job_id, result.stdout.decode("utf-8", "replace"))
            if live is not None:
                return live
        elif not unknown_job(error_text(result)):
            raise unavailable(self._programs.system, "scontrol", result)
        if found.accounting:
            return await self._archived(user, job_id)
        raise NotFound(f"{self._programs.system} knows no job {job_id} (any more).")

    async def _live(self, user: User, job_id: JobId, text: str) -> JobDetails | None:
        """What a person's text could imitate is taken from squeue. None if that does not know the job (any more)."""
        try:
            details, raw = parse_job(text, job_id)
        except GarbledError as error:
            raise self._programs.garbled("scontrol", error) from None
        row = await self._row(self._programs.reader, job_id, raw) or await self._row(user, job_id, raw)
        if row is None:
            return None
        details = with_row(details, row)
        written = await self._programs.ask(user, ("scontrol", "write", "batch_script", raw, "-"))
        script = written.stdout.decode("utf-8", "replace")
        known = written.exit_code == 0 and not written.stderr and script.startswith("#!")
        return replace(details, script=script if known else None)

    async def _row(self, user: User, job_id: JobId, raw: str) -> Job | None:
        """What the controller remembers, between marks that nobody can know beforehand."""
        marks = Marks()
        asked = squeue_arguments(marks, "--states=all", f"--jobs={submission_id(job_id)}")
        text = await self._programs.read_if_known(user, asked, marks)
        jobs = [] if text is None else (await asyncio.to_thread(self._queue, text, marks)).jobs
        named = [job for job in jobs if job_id in (job.id, job.parent_id)]
        return next(iter(named or (job for job in jobs if job.columns["jobid"] == raw)), None)

    async def _archived(self, user: User, job_id: JobId) -> JobDetails:
        marks = Marks()
        known = await self._sacct_knows()
        fields = (*ACCOUNTING_FIELDS, *(each for each in OUTPUT_FIELDS if each in known))
        arguments = sacct_arguments(marks, fields, f"--jobs={job_id}", "--allusers")
        text = await self._programs.read(user, arguments, marks)
        try:
            row = next(iter(body(rows(text, marks, len(fields)), fields)), None)
        except GarbledError as error:
            raise self._programs.garbled("sacct", error) from None
        if row is None:
            raise NotFound(f"{self._programs.system} knows no job {job_id} (any more).")
        values = dict(zip(fields, row, strict=True))
        batch = await self._programs.ask(user, ("sacct", "--batch-script", f"--jobs={values['jobid']}"))
        script = archived_script(batch.stdout.decode("utf-8", "replace")) if batch.exit_code == 0 else None
        return accounted_details(values, script)


def _unknown(wanted: Collection[str], jobs: Sequence[Job]) -> set[str]:
    return set(wanted) - {job.id for job in jobs} - {job.parent_id for job in jobs}


def _answer(query: JobQuery, jobs: Sequence[Job]) -> list[Job]:
    """What matches, once each, in the order of ids."""
    chosen = {job.id: job for job in jobs if query.matches(job)}
    return sorted(chosen.values(), key=lambda job: id_order(job.id))
