"""Submitting jobs as tasks: what is kept, and the handler that acts on it."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, NoReturn
from uuid import UUID

from superfacility.facility.errors import Doubtful, FacilityError, NotFound
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import People, ProjectName, User
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.systems import Facility
from superfacility.services.compute.members import check_member
from superfacility.services.compute.scripts import as_read
from superfacility.tasks.pauses import backoff_up_to
from superfacility.tasks.registry import Cancelled, Handler, HandlerKind, TaskContext
from superfacility.tasks.task import Task

SUBMIT = "compute.submit"
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_PAUSE = 8.0
"""Seconds between two attempts to reach a scheduler: it may be back at any time."""


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a caller wants to hear of the end of a job; kept with the submission."""

    url: str | None = None
    email: str | None = None
    timeout: int | None = None


def submission(
    system: str, script: JobScript, callback: Callback, intent: Intent, warning: str | None = None
) -> dict[str, Any]:
    """What a task keeps of a submission."""
    kept = {} if warning is None else {"warning": warning}
    return kept | {
        "system": system,
        "intent": str(intent),
        "text": script.text,
        "path": script.path,
        "arguments": list(script.arguments),
        "project": script.project,
        "callback": {"url": callback.url, "email": callback.email, "timeout": callback.timeout},
    }


def warning_of(task: Task) -> dict[str, str]:
    """What its user was warned of, if anything: a key that is there only then."""
    return {"warning": task.intent["warning"]} if "warning" in task.intent else {}


def submitted_job(task: Task) -> JobId | None:
    """The job that a task of ours has submitted."""
    job_id = (task.result or {}).get("jobid") if task.handler == SUBMIT else None
    return None if job_id is None else JobId(job_id)


def submitted_for(task: Task) -> ProjectName | None:
    """The project that its client was bound to."""
    project = task.intent.get("project")
    return None if project is None else ProjectName(project)


async def expect_nothing(task: Task) -> None:
    """For a site without callbacks."""


@dataclass(frozen=True, slots=True)
class SubmissionHandler:
    """It looks first and acts then, so that a crash or a doubtful answer never makes two jobs of one request.

    `expect` hears of each task before its job can exist. While the scheduler does not answer, the task waits up to
    `give_up_after`.
    """

    facility: Facility
    people: People
    give_up_after: timedelta = GIVE_UP_AFTER
    expect: Callable[[Task], Awaitable[None]] = expect_nothing

    def handler(self) -> Handler:
        return Handler(
            SUBMIT,
            HandlerKind.RECONCILED,
            self.submit,
            give_up_after=self.give_up_after,
            delay=backoff_up_to(LONGEST_PAUSE),
        )

    async def submit(self, context: TaskContext) -> Mapping[str, Any]:
        try:
            if context.cancelled:
                await asyncio.sleep(0)  # the cancellation is on its way
            return await self._outcome(context.task)
        except asyncio.CancelledError:
            if context.cancelled:
                await self._take_back(context.task)
            raise

    async def _outcome(self, task: Task) -> Mapping[str, Any]:
        try:
            await self.expect(task)
            job_id = await self._submit(task)
        except Doubtful as doubt:
            raise Doubtful(f"{str(doubt).strip()} {_how_to_look(task)}") from doubt
        except FacilityError as error:
            if error.transient:
                raise
            return {"status": "error", "jobid": None, "error": str(error)}
        return {"status": "ok", "jobid": job_id, "error": None} | warning_of(task)

    async def _submit(self, task: Task) -> JobId:
        scheduler = self._scheduler(task)
        user = await owner_of(self.people, task)
        intent = _intent(task)
        if task.attempts > 1 and (found := await scheduler.find(user, intent, task.created_at)) is not None:
            return found
        script = await self._script(task, user)
        try:
            return await scheduler.submit(user, script, intent)
        except Doubtful:
            found = await scheduler.find(user, intent, task.created_at)
            if found is None:
                raise
            return found

    async def _script(self, task: Task, user: User) -> JobScript:
        """As it is now: only when there is no job of an earlier attempt is it looked at again."""
        kept = task.intent
        script = JobScript(kept["text"], kept["path"], tuple(kept["arguments"]), submitted_for(task))
        await check_member(self.people, user.name, script)
        return await as_read(self.facility.system(kept["system"]), user, script)

    async def _take_back(self, task: Task) -> NoReturn:
        """Its owner wants no job any more: what may have been made is looked for, and cancelled."""
        scheduler = self._scheduler(task)
        user = await owner_of(self.people, task)
        try:
            found = await scheduler.find(user, _intent(task), task.created_at)
        except Doubtful as doubt:
            raise Doubtful(f"{str(doubt).strip()} {_how_to_look(task)}") from doubt
        if found is None:
            raise Cancelled({"jobid": None})
        with contextlib.suppress(NotFound):  # it has ended, and is forgotten
            await scheduler.cancel(user, found)
        raise Cancelled({"jobid": found, "error": f"Cancelled; job {found} had been submitted and was cancelled too."})

    def _scheduler(self, task: Task) -> Scheduler:
        return self.facility.system(task.intent["system"]).require_scheduler()


async def owner_of(people: People, task: Task) -> User:
    """`NotFound` for one who has left since."""
    user = await people.user(task.owner)
    if user is None or not user.active:
        raise NotFound(f"The user {task.owner!r} is not known here any more; ask the facility's staff.")
    return user


def _intent(task: Task) -> Intent:
    return Intent(UUID(task.intent["intent"]))


def _how_to_look(task: Task) -> str:
    return (
        f"A job may exist on {task.intent['system']}: look for one of {task.owner} submitted after "
        f"{task.created_at:%Y-%m-%dT%H:%M:%SZ} (squeue, or sacct -S) before you submit it again."
    )
