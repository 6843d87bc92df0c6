"""What a client that is bound to a project may submit, and which jobs it may touch: those of the project."""

import re
from collections.abc import Iterable
from dataclasses import replace

from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.jobs import JobScript, submission_id
from superfacility.facility.systems import System
from superfacility.oauth.principal import Principal
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.submissions import SUBMIT, submitted_for, submitted_job
from superfacility.services.files import reachable
from superfacility.tasks.queue import TaskQueue

_LOOKED_AT = 1024 * 1024
_RECENT_TASKS = 1000
_PARTS = re.compile(r"^#SBATCH\s+(hetjob|packjob)\b", re.MULTILINE)


async def bound_script(principal: Principal, system: System, script: JobScript) -> JobScript:
    """Charged to the project, whatever it says itself. A script on the system must lie in the project's folders."""
    if principal.project is None:
        return script
    text = script.text
    if script.path is not None:
        if not script.path.startswith("/"):
            raise InvalidInput("This client is bound to a project: give the absolute path of a script in its folders.")
        async with reachable(principal, system).read(principal.user, script.path, length=_LOOKED_AT) as opened:
            text = b"".join([piece async for piece in opened.chunks]).decode("utf-8", "replace")
    if _PARTS.search(text or ""):
        raise InvalidInput("Each part of a heterogeneous job has an account of its own: a bound client submits none.")
    return replace(script, project=principal.project)


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
