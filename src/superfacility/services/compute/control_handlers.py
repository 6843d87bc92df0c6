"""What control of jobs does as tasks."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from superfacility.facility.errors import FacilityError
from superfacility.facility.jobs import JobChange, JobId
from superfacility.facility.people import People, User
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.systems import Facility
from superfacility.services.compute.submissions import GIVE_UP_AFTER, LONGEST_PAUSE, owner_of
from superfacility.tasks.pauses import backoff_up_to
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import Task

CANCEL = "compute.cancel"
CANCEL_MANY = "compute.cancel_many"
CHANGE = "compute.change"
AS_STAFF = "as_staff"
"""In an intent: whether the caller had the power of staff, which people do not lend to applications."""
_SIDE_BY_SIDE = 8
"""Jobs of one bulk cancellation that the scheduler is asked to end at the same time."""


class Verb(StrEnum):
    """Names of the handlers for what is done to one job without more to say."""

    HOLD = "compute.hold"
    RELEASE = "compute.release"
    REQUEUE = "compute.requeue"


Act = Callable[[Scheduler, User, Task], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class ControlHandlers:
    """Doing it twice does no harm, save for a requeue: after a doubtful answer that is not tried again."""

    facility: Facility
    people: People
    give_up_after: timedelta = GIVE_UP_AFTER

    def handlers(self) -> tuple[Handler, ...]:
        acts: dict[str, Act] = {
            CANCEL: lambda scheduler, user, task: scheduler.cancel(user, _job_id(task)),
            Verb.HOLD: lambda scheduler, user, task: scheduler.hold(user, _job_id(task)),
            Verb.RELEASE: lambda scheduler, user, task: scheduler.release(user, _job_id(task)),
            CHANGE: lambda scheduler, user, task: scheduler.change(user, _job_id(task), _change(task)),
        }
        return (
            *(self._handler(name, HandlerKind.RECONCILED, self._one(act)) for name, act in acts.items()),
            self._handler(Verb.REQUEUE, HandlerKind.AT_MOST_ONCE, self._one(_requeue)),
            self._handler(CANCEL_MANY, HandlerKind.RECONCILED, self.cancel_many),
        )

    def _handler(
        self, name: str, kind: HandlerKind, run: Callable[[TaskContext], Awaitable[Mapping[str, Any]]]
    ) -> Handler:
        return Handler(name, kind, run, give_up_after=self.give_up_after, delay=backoff_up_to(LONGEST_PAUSE))

    def _one(self, act: Act) -> Callable[[TaskContext], Awaitable[Mapping[str, Any]]]:
        async def run(context: TaskContext) -> Mapping[str, Any]:
            task = context.task
            try:
                await act(self._scheduler(task), await self._user(task), task)
            except FacilityError as error:
                if error.transient:
                    raise
                return {"status": "error", "jobid": _job_id(task), "error": str(error)}
            return {"status": "ok", "jobid": _job_id(task), "error": None}

        return run

    async def cancel_many(self, context: TaskContext) -> Mapping[str, Any]:
        """What is settled stays so when the rest has to wait for a scheduler that does not answer."""
        task = context.task
        scheduler, user = self._scheduler(task), await self._user(task)
        settled: dict[str, Any] = dict((task.result or {}).get("jobs", {}))
        waiting = [each for each in task.intent["job_ids"] if each not in settled]
        trouble: list[FacilityError] = []
        places = asyncio.Semaphore(_SIDE_BY_SIDE)

        async def cancel(job_id: str) -> None:
            async with places:
                if trouble:
                    return
                try:
                    await scheduler.cancel(user, JobId(job_id))
                except FacilityError as error:
                    if error.transient:
                        trouble.append(error)
                        return
                    settled[job_id] = {"status": "error", "error": str(error)}
                else:
                    settled[job_id] = {"status": "ok", "error": None}

        await asyncio.gather(*(cancel(each) for each in waiting))
        if trouble:
            await context.report({"jobs": settled})
            raise trouble[0]
        return _summary(task.intent["job_ids"], settled)

    async def _user(self, task: Task) -> User:
        """Staff now, and when it was accepted."""
        user = await owner_of(self.people, task)
        return replace(user, staff=user.staff and task.intent.get(AS_STAFF, True))

    def _scheduler(self, task: Task) -> Scheduler:
        return self.facility.system(task.intent["system"]).require_scheduler()


def _summary(job_ids: list[str], settled: Mapping[str, Any]) -> Mapping[str, Any]:
    jobs = {each: settled[each] for each in job_ids}
    failed = sum(each["status"] != "ok" for each in jobs.values())
    text = f"{failed} of {len(jobs)} jobs could not be cancelled; `jobs` says why." if failed else None
    return {"status": "error" if failed else "ok", "jobs": jobs, "error": text}


def _job_id(task: Task) -> JobId:
    return JobId(task.intent["job_id"])


def _change(task: Task) -> JobChange:
    seconds = task.intent["time_limit"]
    return JobChange(None if seconds is None else timedelta(seconds=seconds), task.intent["qos"])


async def _requeue(scheduler: Scheduler, user: User, task: Task) -> None:
    await scheduler.requeue(user, _job_id(task))
