"""Submitting and cancelling jobs as tasks: what is kept, and the handlers that act on it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from superfacility.facility.errors import Doubtful, FacilityError, NotFound
from superfacility.facility.jobs import Intent, JobId, JobScript
from superfacility.facility.people import People, User
from superfacility.facility.systems import Facility
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import Task

SUBMIT = "compute.submit"
CANCEL = "compute.cancel"


@dataclass(frozen=True, slots=True)
class Callback:
    """Where a caller wants to hear of the end of a job; kept with the submission."""

    url: str | None = None
    email: str | None = None
    timeout: int | None = None


def submission(system: str, script: JobScript, callback: Callback, intent: Intent) -> dict[str, Any]:
    """What a task keeps of a submission."""
    return {
        "system": system,
        "intent": str(intent),
        "text": script.text,
        "path": script.path,
        "arguments": list(script.arguments),
        "callback": {"url": callback.url, "email": callback.email, "timeout": callback.timeout},
    }


def submitted_job(task: Task) -> JobId | None:
    """The job that a task of ours has submitted."""
    job_id = (task.result or {}).get("jobid") if task.handler == SUBMIT else None
    return None if job_id is None else JobId(job_id)


@dataclass(frozen=True, slots=True)
class JobHandlers:
    """Both look first and act then, so that a crash or a doubtful answer never makes two jobs of one request."""

    facility: Facility
    people: People

    def handlers(self) -> tuple[Handler, ...]:
        return (
            Handler(SUBMIT, HandlerKind.RECONCILED, self.submit),
            Handler(CANCEL, HandlerKind.RECONCILED, self.cancel),
        )

    async def submit(self, context: TaskContext) -> Mapping[str, Any]:
        task = context.task
        try:
            job_id = await self._submit(task)
        except FacilityError as error:
            if error.transient:
                raise
            return {"status": "error", "jobid": None, "error": str(error)}
        return {"status": "ok", "jobid": job_id, "error": None}

    async def _submit(self, task: Task) -> JobId:
        scheduler = self.facility.system(task.intent["system"]).require_scheduler()
        user = await self._owner(task)
        intent = Intent(UUID(task.intent["intent"]))
        if task.attempts > 1 and (found := await scheduler.find(user, intent)) is not None:
            return found
        script = JobScript(task.intent["text"], task.intent["path"], tuple(task.intent["arguments"]))
        try:
            return await scheduler.submit(user, script, intent)
        except Doubtful:
            found = await scheduler.find(user, intent)
            if found is None:
                raise
            return found

    async def cancel(self, context: TaskContext) -> Mapping[str, Any]:
        task = context.task
        job_id = JobId(task.intent["job_id"])
        scheduler = self.facility.system(task.intent["system"]).require_scheduler()
        try:
            await scheduler.cancel(await self._owner(task), job_id)
        except FacilityError as error:
            if error.transient:
                raise
            return {"status": "error", "jobid": job_id, "error": str(error)}
        return {"status": "ok", "jobid": job_id, "error": None}

    async def _owner(self, task: Task) -> User:
        user = await self.people.user(task.owner)
        if user is None or not user.active:
            raise NotFound(f"The user {task.owner!r} is not known here any more; ask the facility's staff.")
        return user
