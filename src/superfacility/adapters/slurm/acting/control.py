"""Cancel, hold, release, requeue and change: as the user, by scancel and scontrol."""

import re

from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.arrays import is_job_id
from superfacility.adapters.slurm.reading.states import job_state
from superfacility.adapters.slurm.reading.tables import Marks, rows
from superfacility.adapters.slurm.reading.times import duration_text
from superfacility.adapters.slurm.words import (
    ended_already,
    error_text,
    refusal_of_job,
    said,
    unknown_job,
)
from superfacility.facility.commands import CommandResult
from superfacility.facility.errors import InvalidInput, NotFound, NotPermitted, Refused
from superfacility.facility.jobs import JobChange, JobId, JobState
from superfacility.facility.people import User

_QOS = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*")
_RUNS = frozenset({JobState.RUNNING, JobState.COMPLETING, JobState.SUSPENDED, JobState.STOPPED, JobState.SIGNALING})

_LONGER = (
    "Slurm lets only its operators give a job a longer time limit: ask the facility's staff to do it for %s, or submit "
    "it again with the limit that it needs."
)
"""Its own words are that access is denied."""


class Control:
    """What a user does to a job of theirs."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs

    async def cancel(self, user: User, job_id: JobId, *, accounting: bool) -> None:
        """scancel says nothing of an unknown job unless it is verbose, and its exit code is 0 then."""
        self._check(job_id)
        result = await self._programs.act(user, ("scancel", "--verbose", job_id))
        words = error_text(result)
        if ended_already(words) or (result.exit_code == 0 and "error:" not in words):
            return
        if unknown_job(words) and accounting and await self._has_ended(user, job_id):
            return
        raise refusal_of_job(self._programs.system, "scancel", job_id, result)

    async def hold(self, user: User, job_id: JobId) -> None:
        """scontrol would take it for a running job too, and mean its next start."""
        self._check(job_id)
        states = await self._states(user, job_id)
        if states and all(state in _RUNS for state in states):
            raise Refused("Job is no longer pending execution\n")
        await self._scontrol(user, job_id, "hold", job_id)

    async def release(self, user: User, job_id: JobId) -> None:
        self._check(job_id)
        await self._scontrol(user, job_id, "release", job_id)

    async def requeue(self, user: User, job_id: JobId) -> None:
        self._check(job_id)
        await self._scontrol(user, job_id, "requeue", job_id)

    async def change(self, user: User, job_id: JobId, change: JobChange) -> None:
        """A permission that is denied for one's own job is about the time limit."""
        self._check(job_id)
        settings = []
        if change.time_limit is not None:
            settings.append(f"TimeLimit={duration_text(change.time_limit)}")
        if change.qos is not None:
            if not _QOS.fullmatch(change.qos):
                raise InvalidInput(f"{change.qos!r} is not the name of a QOS.")
            settings.append(f"QOS={change.qos}")
        if not settings:
            return
        result = await self._programs.act(user, ("scontrol", "update", f"JobId={job_id}", *settings))
        if result.exit_code:
            words = said(result)
            if "Access/permission denied" in words and await self._is_own(user, job_id):
                raise Refused(words) if change.time_limit is None else NotPermitted(_LONGER % job_id)
            raise refusal_of_job(self._programs.system, "scontrol", job_id, result)

    async def _scontrol(self, user: User, job_id: JobId, *arguments: str) -> None:
        result = await self._programs.act(user, ("scontrol", *arguments))
        if result.exit_code:
            raise self._refusal(job_id, result)

    def _refusal(self, job_id: JobId, result: CommandResult) -> Exception:
        return refusal_of_job(self._programs.system, "scontrol", job_id, result)

    def _check(self, job_id: JobId) -> None:
        if not is_job_id(job_id):
            raise NotFound(f"{self._programs.system} knows no job {job_id!r}.")

    async def _states(self, user: User, job_id: JobId) -> list[JobState]:
        return [job_state(state) for _, state in await self._rows(user, job_id)]

    async def _is_own(self, user: User, job_id: JobId) -> bool:
        return any(owner == user.name for owner, _ in await self._rows(user, job_id))

    async def _rows(self, user: User, job_id: JobId) -> list[list[str]]:
        marks = Marks()
        form = f"--format=%u{marks.column}%T{marks.column}"
        arguments = ("squeue", "--all", "--states=all", f"--jobs={job_id}", form)
        text = await self._programs.read_if_known(user, arguments, marks)
        return [] if text is None else rows(text, marks, 2)[1:]

    async def _has_ended(self, user: User, job_id: JobId) -> bool:
        """A job that the controller has forgotten is in the accounting, with its owner."""
        marks = Marks()
        arguments = (
            "sacct", "--allocations", "--parsable", f"--delimiter={marks.column}", f"--jobs={job_id}",
            "--allusers", "--format=user,state",
        )  # fmt: skip
        found = rows(await self._programs.read(user, arguments, marks), marks, 2)[1:]
        if found and not user.staff and all(owner != user.name for owner, _ in found):
            raise NotPermitted(f"The job {job_id} is another user's.")
        return bool(found) and all(job_state(state).terminal for _, state in found)
