"""Jobs: listing, details, submitting and cancelling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import FacilityError, Refused, Unsupported
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, JobState
from superfacility.facility.people import People
from superfacility.facility.systems import Facility, System
from superfacility.oauth.principal import Principal
from superfacility.services.collector import Collector, QueueView
from superfacility.services.filters import check_job_id, job_query, since_midnight
from superfacility.services.submissions import CANCEL, SUBMIT, Callback, JobHandlers, submission, submitted_job
from superfacility.tasks.queue import IdempotencyKey, TaskQueue
from superfacility.tasks.registry import Handler
from superfacility.tasks.task import NewTask, Task

_RECENT = timedelta(minutes=15)
"""How long our own record of a submission speaks for a job that its scheduler does not list yet."""
_RECENT_TASKS = 200


class Visibility(StrEnum):
    """Whose jobs a person sees. Staff see all."""

    ALL = "all"
    PROJECT = "project"
    OWN = "own"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a listing asks for. `filters` are `name=value`; `cached` accepts knowledge of a moment ago."""

    filters: tuple[str, ...] = ()
    sacct: bool = False
    cached: bool = True


@dataclass(frozen=True, slots=True)
class JobListing:
    """`view` is set where `jobs` are exactly those of a view of the queue."""

    jobs: Sequence[Job]
    view: QueueView | None = None


@dataclass(frozen=True, slots=True)
class ComputeService:
    """`collectors` has one for each system with a scheduler, by the system's name."""

    facility: Facility
    queue: TaskQueue
    clock: Clock
    collectors: Mapping[str, Collector]
    people: People
    visibility: Visibility = Visibility.ALL

    def handlers(self) -> tuple[Handler, ...]:
        return JobHandlers(self.facility, self.people).handlers()

    async def jobs(self, principal: Principal, machine: str, request: JobRequest) -> JobListing:
        collector = self._collector(machine)
        query = job_query(request.filters, self.clock.now())
        if request.sacct:
            if not query.ids and query.since is None:
                query = replace(query, since=since_midnight(self.clock.now()))
            return JobListing(await self._accounted(principal, collector, query, cached=request.cached))
        return await self._queued(principal, collector, query, cached=request.cached)

    async def job(self, principal: Principal, machine: str, job_id: str, request: JobRequest) -> Sequence[Job]:
        """One row, or one an element of an array; none for a job that is not in that view."""
        collector = self._collector(machine)
        query = JobQuery(ids=frozenset({check_job_id(job_id)}))
        if request.sacct:
            return await self._accounted(principal, collector, query, cached=request.cached)
        return (await self._queued(principal, collector, query, cached=request.cached)).jobs

    def known_job(self, principal: Principal, machine: str, job_id: str) -> Sequence[Job] | None:
        """From the present view without waiting; None where that cannot answer."""
        if self.visibility is not Visibility.ALL and not principal.user.staff:
            return None
        collector = self.collectors.get(self.facility.aliases.get(machine, machine))
        view = None if collector is None else collector.current
        return None if view is None else (view.with_id(job_id) or None)

    async def submit(
        self,
        principal: Principal,
        machine: str,
        script: JobScript,
        callback: Callback,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        """Accepted at once; the scheduler's answer is the task's result."""
        system = self.facility.system(machine)
        system.require_scheduler()
        intent = submission(system.name, script, callback, Intent(new_uuid()))
        return await self._accept(principal, SUBMIT, intent, system.name, idempotency)

    async def cancel(self, principal: Principal, machine: str, job_id: str) -> Task:
        """`Refused` at once for a job that is known to be another's; everything else the scheduler decides."""
        system = self.facility.system(machine)
        system.require_scheduler()
        job_id = check_job_id(job_id)
        view = self.collectors[system.name].current
        if view is not None and any(job.user != principal.user.name for job in view.with_id(job_id)):
            raise Refused(
                f"scancel: error: Kill job error on job id {job_id}: Access/permission denied (it is another user's)\n"
            )
        return await self._accept(
            principal, CANCEL, {"system": system.name, "job_id": job_id}, f"{system.name}/{job_id}"
        )

    async def _queued(self, principal: Principal, collector: Collector, query: JobQuery, *, cached: bool) -> JobListing:
        view = await collector.view(fresh=not cached)
        recent = await self._recent(principal, collector.system)
        if cached and any(task.updated_at >= view.taken_at for task in recent.values()):
            view = await collector.view(fresh=True)
        visible = await self._visible(principal, view.select(query))
        unlisted = await self._unlisted(collector, query, recent, {job.id for job in visible} if recent else set())
        if unlisted:
            return JobListing([*visible, *unlisted])
        return JobListing(visible, view if visible is view.jobs else None)

    async def _accounted(
        self, principal: Principal, collector: Collector, query: JobQuery, *, cached: bool
    ) -> Sequence[Job]:
        jobs = await self._visible(principal, await collector.accounting(query, fresh=not cached))
        missing = query.ids - {job.id for job in jobs} - {job.parent_id for job in jobs}
        if not missing:
            return jobs
        recent = await self._recent(principal, collector.system)
        if cached and missing & recent.keys():
            jobs = await self._visible(principal, await collector.accounting(query, fresh=True))
        known = {job.id for job in jobs} | {job.parent_id for job in jobs}
        own = [_pending(task, job_id) for job_id, task in recent.items() if job_id in missing - known]
        return [*jobs, *(job for job in own if query.matches(job))]

    async def _unlisted(
        self, collector: Collector, query: JobQuery, recent: Mapping[JobId, Task], listed: set[JobId]
    ) -> list[Job]:
        """The caller's recent submissions that neither the queue nor the accounting knows of yet."""
        view = await collector.view()
        own = [_pending(task, job_id) for job_id, task in recent.items() if not view.with_id(job_id)]
        own = [job for job in own if job.id not in listed and query.matches(job)]
        if not own:
            return []
        try:
            accounted = await collector.accounting(JobQuery(ids=frozenset(job.id for job in own)))
        except FacilityError:
            return []  # perhaps ended, perhaps waiting: without accounting nobody can tell
        known = {job.id for job in accounted} | {job.parent_id for job in accounted}
        return [job for job in own if job.id not in known]

    async def _recent(self, principal: Principal, system: System) -> dict[JobId, Task]:
        since = self.clock.now() - _RECENT
        tasks = await self.queue.tasks(principal.user.name, handler=SUBMIT, limit=_RECENT_TASKS)
        found: dict[JobId, Task] = {}
        for task in tasks:
            job_id = submitted_job(task)
            if job_id is not None and task.updated_at >= since and task.intent["system"] == system.name:
                found[job_id] = task
        return found

    async def _visible(self, principal: Principal, jobs: Sequence[Job]) -> Sequence[Job]:
        user = principal.user
        if self.visibility is Visibility.ALL or user.staff:
            return jobs
        projects: set[str] = set()
        if self.visibility is Visibility.PROJECT:
            projects = {each.project.name for each in await self.people.memberships(user=user.name)}
        return [job for job in jobs if job.user == user.name or job.project in projects]

    def _collector(self, machine: str) -> Collector:
        system = self.facility.system(machine)
        found = self.collectors.get(system.name)
        if found is None:
            raise Unsupported(f"{system.name} runs no batch jobs; choose a system with a scheduler.")
        return found

    async def _accept(
        self,
        principal: Principal,
        handler: str,
        intent: Mapping[str, Any],
        target: str,
        idempotency: IdempotencyKey | None = None,
    ) -> Task:
        now = self.clock.now()
        new = NewTask(principal.user.name, handler, intent, now, principal.level.label, principal.client_id)
        return await self.queue.accept(new, principal.audit(now, handler, target), idempotency)


def _pending(task: Task, job_id: JobId) -> Job:
    """A job as our own record knows it, with the columns of both views that can be known."""
    submitted = task.updated_at.astimezone().strftime("%Y-%m-%dT%H:%M:%S")
    columns = {
        "jobid": job_id,
        "array_job_id": job_id,
        "jobidraw": job_id,
        "state": JobState.PENDING.value,
        "st": "PD",
        "user": str(task.owner),
        "name": "",
        "jobname": "",
        "reason": "None",
        "elapsed": "00:00:00",
        "time": "0:00",
        "start_time": "N/A",
        "end_time": "N/A",
        "start": "Unknown",
        "end": "Unknown",
        "submit_time": submitted,
        "submit": submitted,
    }
    return Job(job_id, task.owner, JobState.PENDING, columns, submitted_at=task.updated_at)
