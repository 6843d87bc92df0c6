"""What callers see of jobs: the queue's view and the accounting, each by the site's visibility rule."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError, Unsupported
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.people import People
from superfacility.facility.systems import Facility, System
from superfacility.oauth.principal import Principal
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.filters import check_job_id, job_query, since_midnight
from superfacility.services.compute.reading.view import QueueView
from superfacility.services.compute.submissions import SUBMIT, submitted_for, submitted_job
from superfacility.services.compute.visibility import EVERYTHING, Viewer, Visibility, viewer_of
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.task import Task

_RECENT = timedelta(minutes=15)
"""How long our own record of a submission speaks for a job that its scheduler does not list yet."""
_RECENT_TASKS = 200
_SELECTIONS_KEPT = 2000

__all__ = ["JobListing", "JobListings", "JobRequest", "Visibility"]


@dataclass(frozen=True, slots=True)
class JobRequest:
    """What a listing asks for. `filters` are `name=value`; `cached` accepts knowledge of a moment ago."""

    filters: tuple[str, ...] = ()
    sacct: bool = False
    cached: bool = True


@dataclass(frozen=True, slots=True)
class JobListing:
    """`as_of` is when the reading began that the jobs are from; `stale` if it is older than it should be.

    Where the jobs are a selection of a reading alone, `selection` names it, and what is rendered of it can be kept in
    `view.answers` under that name.
    """

    jobs: Sequence[Job]
    as_of: datetime
    stale: bool = False
    view: QueueView | None = None
    selection: Hashable = None


@dataclass(frozen=True, slots=True)
class JobListings:
    """`collectors` has one for each system with a scheduler, by the system's name."""

    facility: Facility
    queue: TaskQueue
    clock: Clock
    collectors: Mapping[str, Collector]
    people: People
    visibility: Visibility = Visibility.ALL

    async def listed(self, principal: Principal, machine: str, request: JobRequest) -> JobListing:
        collector = self._collector(machine)
        query = job_query(request.filters, self.clock.now())
        if not request.sacct:
            return await self._queued(principal, collector, query, cached=request.cached)
        if query.ids or query.since is not None:
            return await self._accounted(principal, collector, query, cached=request.cached)
        try:
            usual = replace(query, since=since_midnight(self.clock.now()))
            return await self._accounted(principal, collector, usual, cached=request.cached)
        except Unsupported:  # no time was asked for: all that is remembered without accounting
            return await self._accounted(principal, collector, query, cached=request.cached)

    async def one(self, principal: Principal, machine: str, job_id: str, request: JobRequest) -> JobListing:
        """One row, or one an element of an array; none for a job that is not in that view."""
        collector = self._collector(machine)
        query = JobQuery(ids=frozenset({check_job_id(job_id)}))
        if request.sacct:
            return await self._accounted(principal, collector, query, cached=request.cached)
        view = await collector.view(fresh=not request.cached)
        if found := view.last_seen(job_id):
            viewer = await self._viewer(principal)
            return self._listing(collector, view, [job for job in found if viewer.sees(job)])
        return await self._queued(principal, collector, query, cached=request.cached, view=view)

    def known(self, principal: Principal, machine: str, job_id: str) -> JobListing | None:
        """From the present view without waiting; None where that cannot answer."""
        if principal.project is not None or (self.visibility is not Visibility.ALL and not principal.user.staff):
            return None
        collector = self.collectors.get(self.facility.aliases.get(machine, machine))
        view = None if collector is None else collector.current
        if collector is None or view is None:
            return None
        found = view.with_id(job_id)
        if not found:
            return None
        return JobListing(found, view.began_at, collector.stale(view), view, ("one", job_id))

    async def _queued(
        self,
        principal: Principal,
        collector: Collector,
        query: JobQuery,
        *,
        cached: bool,
        view: QueueView | None = None,
    ) -> JobListing:
        view = view or await collector.view(fresh=not cached)
        recent = await self._recent(principal, collector.system)
        if cached and _answers(collector, view) and any(task.updated_at >= view.began_at for task in recent.values()):
            view = await collector.view(fresh=True)
        viewer = await self._viewer(principal)
        visible = _selected(view, query, viewer)
        unlisted = await self._unlisted(collector, view, query, recent)
        if unlisted:
            return self._listing(collector, view, [*visible, *unlisted])
        return replace(self._listing(collector, view, visible), view=view, selection=(query, viewer))

    def _listing(self, collector: Collector, view: QueueView, jobs: Sequence[Job]) -> JobListing:
        return JobListing(jobs, view.began_at, collector.stale(view))

    async def _accounted(
        self, principal: Principal, collector: Collector, query: JobQuery, *, cached: bool
    ) -> JobListing:
        viewer = await self._viewer(principal)
        found = await collector.accounted(query, fresh=not cached)
        jobs = [job for job in found.jobs if viewer.sees(job)]
        missing = _missing(query, jobs)
        recent = await self._recent(principal, collector.system) if missing else {}
        if cached and missing & recent.keys():
            found = await collector.accounted(query, fresh=True)
            jobs = [job for job in found.jobs if viewer.sees(job)]
        own = [_pending(recent[job_id]) for job_id in recent.keys() & _missing(query, jobs)]
        return JobListing([*jobs, *(job for job in own if query.matches(job))], found.as_of, found.stale)

    async def _unlisted(
        self, collector: Collector, view: QueueView, query: JobQuery, recent: Mapping[JobId, Task]
    ) -> list[Job]:
        """The caller's recent submissions that neither the queue nor the accounting knows of yet."""
        told = view.content.trail.told
        own = [_pending(task) for job_id, task in recent.items() if job_id not in told and not view.last_seen(job_id)]
        own = [job for job in own if query.matches(job)]
        if not own or not _answers(collector, view):
            return own  # nobody has seen them yet, and nobody can be asked now: they are as they were submitted
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
            ours = task.intent["system"] == system.name and principal.project in (None, submitted_for(task))
            if job_id is not None and task.updated_at >= since and ours:
                found[job_id] = task
        return found

    async def _viewer(self, principal: Principal) -> Viewer:
        return await viewer_of(principal, self.visibility, self.people)

    def _collector(self, machine: str) -> Collector:
        system = self.facility.system(machine)
        found = self.collectors.get(system.name)
        if found is None:
            raise Unsupported(f"{system.name} runs no batch jobs; choose a system with a scheduler.")
        return found


def _selected(view: QueueView, query: JobQuery, viewer: Viewer) -> Sequence[Job]:
    """Looked for once in each reading."""
    if viewer == EVERYTHING and query == JobQuery():
        return view.jobs
    kept, name = view.content.selections, (query, viewer)
    found = kept.get(name)
    if found is None:
        found = tuple(job for job in view.select(query) if viewer.sees(job))
        while len(kept) >= _SELECTIONS_KEPT:
            del kept[next(iter(kept))]
        kept[name] = found
    return found


def _missing(query: JobQuery, jobs: Sequence[Job]) -> frozenset[str]:
    return query.ids - {job.id for job in jobs} - {job.parent_id for job in jobs}


def _answers(collector: Collector, view: QueueView) -> bool:
    """Whether asking the scheduler again is worth a caller's time: who has waited once need not wait twice."""
    return collector.answers and not collector.stale(view)


def _pending(task: Task) -> Job:
    """A job as our own record knows it, with the columns of both views that can be known."""
    job_id = submitted_job(task)
    assert job_id is not None
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
    return Job(job_id, task.owner, JobState.PENDING, columns, project=submitted_for(task), submitted_at=task.updated_at)
