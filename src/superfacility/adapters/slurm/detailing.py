"""The files of one job, asked as the user who wants to know: one command while the controller remembers the job, and
a second one for a job that only accounting knows."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from superfacility.adapters.slurm.capabilities import Found
from superfacility.adapters.slurm.programs import Programs, without_cluster_line
from superfacility.adapters.slurm.reading.accounting import sacct_arguments
from superfacility.adapters.slurm.reading.arrays import is_job_id
from superfacility.adapters.slurm.reading.details import (
    ACCOUNTING_FIELDS,
    OUTPUT_FIELDS,
    accounted_details,
    archived_script,
    parse_job,
    with_row,
)
from superfacility.adapters.slurm.reading.queue import parse_squeue, squeue_arguments
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks, body, rows
from superfacility.adapters.slurm.words import error_text, unavailable, unknown_job
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import NotFound
from superfacility.facility.jobs import Job, JobDetails, JobId, submission_id
from superfacility.facility.people import User

_SHOW = """\
job=$1
shift
shown=$("${bin}scontrol" "$where" show job "$job"); code=$?
printf %s "$shown"; told $code
raw=${shown#JobId=} raw=${raw%%[!0-9]*}
"""
_ROW = '"${bin}squeue" "$where" "$@"; told $?\n'
_SCRIPT = '"${bin}scontrol" "$where" write batch_script "$raw" -; told $?\n'
_ARCHIVED = """\
cut=$1
shift
rows=$("${bin}sacct" "$where" "$@"); code=$?
printf '%s\\n' "$rows"; told $code
"""
_ARCHIVED_SCRIPT = """\
first=${rows#*"
"}
"${bin}sacct" "$where" --batch-script --jobs="${first%%"$cut"*}"; told $?
"""


class Detailing:
    """`found` says what kind of Slurm this is, `sacct_knows` which fields its accounting has."""

    def __init__(
        self,
        programs: Programs,
        found: Callable[[], Awaitable[Found]],
        sacct_knows: Callable[[], Awaitable[frozenset[str]]],
    ) -> None:
        self._programs = programs
        self._found = found
        self._sacct_knows = sacct_knows

    async def details(self, user: User, job_id: JobId, listed: Job | None, *, script: bool) -> JobDetails:
        if not is_job_id(job_id):
            raise NotFound(f"{self._programs.system} knows no job {job_id!r}.")
        live = await self._live(user, job_id, listed, script=script)
        if live is not None:
            return live
        if (await self._found()).accounting:
            return await self._archived(user, job_id, script=script)
        raise self._unknown(job_id)

    async def _live(self, user: User, job_id: JobId, listed: Job | None, *, script: bool) -> JobDetails | None:
        """What the controller remembers; None if it does not know the job (any more).

        What a person's text could imitate is squeue's word: from the reading where the job was listed, or asked for.
        """
        marks = Marks()
        asked = squeue_arguments(marks, "--states=all", f"--jobs={submission_id(job_id)}")[1:]
        questions = [_SHOW, *([_ROW] if listed is None else []), *([_SCRIPT] if script else [])]
        shown, *others = await self._programs.ask_together(user, questions, (job_id, *asked), marks)
        if self._is_unknown(shown, "scontrol"):
            return None
        try:
            details, raw = parse_job(_text(shown), job_id)
        except GarbledError as error:
            raise self._programs.garbled("scontrol", error) from None
        row = listed or await self._row(others[0], marks, job_id, raw)
        if row is None:
            return None
        return replace(with_row(details, row), script=_written(others[-1]) if script else None)

    async def _row(self, answer: CommandResult, marks: Marks, job_id: JobId, raw: str) -> Job | None:
        if self._is_unknown(answer, "squeue"):
            return None
        text, limit = without_cluster_line(_text(answer)), self._programs.options.array_limit
        try:
            jobs = (await asyncio.to_thread(parse_squeue, text, marks, array_limit=limit)).jobs
        except GarbledError as error:
            raise self._programs.garbled("squeue", error) from None
        named = [job for job in jobs if job_id in (job.id, job.parent_id)]
        return next(iter(named or (job for job in jobs if job.columns["jobid"] == raw)), None)

    def _is_unknown(self, answer: CommandResult, program: str) -> bool:
        """Whether Slurm knows no such job; any other failure says nothing about the job."""
        if answer.exit_code and not unknown_job(error_text(answer)):
            raise unavailable(self._programs.system, program, answer)
        return bool(answer.exit_code)

    async def _archived(self, user: User, job_id: JobId, *, script: bool) -> JobDetails:
        marks, known = Marks(), await self._sacct_knows()
        fields = (*ACCOUNTING_FIELDS, *(each for each in OUTPUT_FIELDS if each in known))
        asked = sacct_arguments(marks, fields, f"--jobs={job_id}", "--allusers")[1:]
        # versions before 24.11 keep no paths, but in the script
        script = script or not known.issuperset(OUTPUT_FIELDS)
        questions = [_ARCHIVED, *([_ARCHIVED_SCRIPT] if script else [])]
        answer, *others = await self._programs.ask_together(user, questions, (marks.column, *asked), marks)
        if answer.exit_code:
            raise unavailable(self._programs.system, "sacct", answer)
        try:
            row = next(iter(body(rows(_text(answer), marks, len(fields)), fields)), None)
        except GarbledError as error:
            raise self._programs.garbled("sacct", error) from None
        if row is None:
            raise self._unknown(job_id)
        kept = archived_script(_text(others[0])) if others and others[0].exit_code == 0 else None
        return accounted_details(dict(zip(fields, row, strict=True)), kept)

    def _unknown(self, job_id: JobId) -> NotFound:
        return NotFound(f"{self._programs.system} knows no job {job_id} (any more).")


def _written(answer: CommandResult) -> str | None:
    """A script, and not words about there being none."""
    text = _text(answer)
    return text if answer.exit_code == 0 and not answer.stderr and text.startswith("#!") else None


def _text(answer: CommandResult) -> str:
    return answer.stdout.decode("utf-8", "replace")
