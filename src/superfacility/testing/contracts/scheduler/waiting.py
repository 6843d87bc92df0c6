"""Waiting for what a scheduler tells a moment later; every wait has a deadline against hanging."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from superfacility.facility.errors import Doubtful
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler

PATIENCE = 120.0
PAUSE = 0.02


async def until(wanted: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            if await wanted():
                return
            await asyncio.sleep(PAUSE)


async def left(scheduler: Scheduler, submission: str) -> bool:
    """Whether the queue has nothing of a job, or of any element of an array."""
    return all(job.parent_id != submission for job in (await scheduler.queue()).jobs)


async def accounted(scheduler: Scheduler, job_id: str) -> list[Job]:
    """The rows of a job, once there are any."""
    query = JobQuery(ids=frozenset({job_id}))
    async with asyncio.timeout(PATIENCE):
        while True:
            if found := list(await scheduler.accounting(query)):
                return found
            await asyncio.sleep(PAUSE)


async def ended(scheduler: Scheduler, job_id: str) -> Job:
    """The row of a job, once the accounting knows its end: that may be a moment after the controller does."""
    async with asyncio.timeout(PATIENCE):
        while True:
            (job,) = await accounted(scheduler, job_id)
            if job.state.terminal:
                return job
            await asyncio.sleep(PAUSE)


async def cancelled_by(scheduler: Scheduler, job_id: str) -> str:
    """Who cancelled it, once accounting knows: it may learn of the end a moment after the controller."""
    async with asyncio.timeout(PATIENCE):
        while True:
            (job,) = await accounted(scheduler, job_id)
            if " by " in (state := job.columns["state"]):
                return state
            await asyncio.sleep(PAUSE)


async def active_ids(scheduler: Scheduler) -> set[str]:
    return {job.id for job in (await scheduler.queue()).jobs}


async def queued_job(scheduler: Scheduler, job_id: str) -> Job:
    return next(job for job in (await scheduler.queue()).jobs if job.id == job_id)


async def queued_until(scheduler: Scheduler, job_id: str, wanted: Callable[[Job], bool]) -> Job:
    """The job, once it is as wanted."""
    async with asyncio.timeout(PATIENCE):
        while True:
            found = [job for job in (await scheduler.queue()).jobs if job.id == job_id]
            if found and wanted(found[0]):
                return found[0]
            await asyncio.sleep(PAUSE)


async def gone(scheduler: Scheduler, job_ids: set[str]) -> None:
    """Until none of these is in the queue."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if not job_ids & await active_ids(scheduler):
                return
            await asyncio.sleep(PAUSE)


async def found_for(scheduler: Scheduler, user: User, intent: Intent, since: datetime) -> JobId | None:
    """What `find` says, once it is sure."""
    async with asyncio.timeout(PATIENCE):
        while True:
            try:
                return await scheduler.find(user, intent, since)
            except Doubtful:
                await asyncio.sleep(PAUSE)
