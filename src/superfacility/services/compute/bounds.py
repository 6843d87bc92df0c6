"""Which jobs a client that is bound to a project may touch: those of the project."""

from collections.abc import Iterable

from superfacility.facility.errors import NotFound
from superfacility.facility.jobs import submission_id
from superfacility.facility.systems import System
from superfacility.oauth.principal import Principal
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.submissions import SUBMIT, submitted_for, submitted_job
from superfacility.tasks.queue import TaskQueue

_RECENT_TASKS = 1000


async def check_jobs(principal: Principal, collector: Collector, queue: TaskQueue, job_ids: Iterable[str]) -> None:
    """`NotFound` for what is not known to be a job of the project that the caller is bound to."""
    if principal.project is None:
        return
    view, own = collector.current, await _submitted(principal, queue, collector.system)
    for job_id in job_ids:
        found = () if view is None else view.last_seen(job_id) or view.with_id(job_id)
        known = all(job.project == principal.project for job in found) if found else submission_id(job_id) in own
        if not known:
            raise NotFound(f"There is no job {job_id} of {principal.project}, to which this client is bound.")


async def _submitted(principal: Principal, queue: TaskQueue, system: System) -> set[str]:
    """By bound clients of the user, and perhaps not listed yet."""
    tasks = await queue.tasks(principal.user.name, handler=SUBMIT, limit=_RECENT_TASKS)
    ours = [each for each in tasks if each.intent["system"] == system.name and submitted_for(each) == principal.project]
    return {str(job_id) for job_id in map(submitted_job, ours) if job_id is not None}
