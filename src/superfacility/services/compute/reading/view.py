"""A reading of the queue with its indexes: what every caller's answer is made from."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime

from superfacility.facility.jobs import Job, JobId, JobQuery, id_order
from superfacility.services.compute.reading.answers import Answers
from superfacility.services.compute.reading.trail import Trail


class QueueContent:
    """What a reading said. Readings that say the same share one, and what was rendered of it."""

    def __init__(self, jobs: tuple[Job, ...], trail: Trail | None = None) -> None:
        self.jobs = jobs
        self.trail = trail or Trail()
        self.answers = Answers()
        self.selections: dict[Hashable, tuple[Job, ...]] = {}
        self.by_id: dict[JobId, Job] = {job.id: job for job in jobs}
        self.by_user: defaultdict[str, list[Job]] = defaultdict(list)
        self.by_parent: defaultdict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            self.by_user[job.user].append(job)
            if job.parent_id != job.id:
                self.by_parent[job.parent_id].append(job)

    def with_trail(self, trail: Trail) -> "QueueContent":
        """The same jobs, and all that was made of them."""
        other = copy(self)
        other.trail = trail
        return other


@dataclass(frozen=True, slots=True)
class QueueView:
    """A reading that began at a moment (aware), which was `read_at` on this process's monotonic clock."""

    content: QueueContent
    began_at: datetime
    read_at: float

    @property
    def jobs(self) -> tuple[Job, ...]:
        return self.content.jobs

    @property
    def answers(self) -> Answers:
        """Room for whoever renders the view to keep what it made of it."""
        return self.content.answers

    def with_id(self, job_id: str) -> Sequence[Job]:
        """The job, or the elements of the array or parts of the heterogeneous job, that the scheduler listed."""
        content = self.content
        found = content.by_id.get(JobId(job_id))
        elements = content.by_parent.get(job_id, [])
        return ([found] if found else []) + elements

    def last_seen(self, job_id: str) -> Sequence[Job]:
        """As `with_id`, and also jobs that have left the queue while nobody knows yet how they ended."""
        departed = self.content.trail.departed
        if not departed:
            return self.with_id(job_id)
        gone = [each.job for each in departed.values() if job_id in (each.job.id, each.job.parent_id)]
        return [*self.with_id(job_id), *gone]

    def select(self, query: JobQuery) -> Sequence[Job]:
        """What matches, in the reading's order, looking only at what can."""
        if query == JobQuery():
            return self.jobs
        candidates: Iterable[Job] = self.jobs
        if query.ids:
            candidates = [job for job_id in sorted(query.ids, key=id_order) for job in self.with_id(job_id)]
            candidates = list({job.id: job for job in candidates}.values())
        elif len(query.users) == 1:
            candidates = self.content.by_user.get(next(iter(query.users)), [])
        return [job for job in candidates if query.matches(job)]
