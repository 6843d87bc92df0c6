"""What the collectors know of a job whose end is in question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from superfacility.facility.errors import Unsupported
from superfacility.facility.jobs import Job, JobId
from superfacility.services.compute.collector import Collector


@dataclass(frozen=True, slots=True)
class JobReadings:
    """`collectors` by the name of the system. A question that fails says nothing: it raises `Unavailable`."""

    collectors: Mapping[str, Collector]

    async def queued(self, system: str, job_id: JobId) -> Sequence[Job]:
        """The job, or elements of the array, that the latest reading lists and that have not ended."""
        collector = self.collectors.get(system)
        if collector is None:
            return ()
        return [job for job in (await collector.view()).with_id(job_id) if not job.state.terminal]

    async def accounted(self, system: str, job_id: JobId, since: float) -> Sequence[Job]:
        """Rows of the job, or of the elements of the array, from accounting and from what the scheduler remembers, as
        they were at that time of the clock or later."""
        collector = self.collectors.get(system)
        if collector is None:
            return ()
        try:
            return await collector.latest(job_id, since)
        except Unsupported:
            return ()

    async def remembers(self, system: str) -> timedelta:
        """How long `accounted` certainly has all of a job that has ended."""
        collector = self.collectors.get(system)
        return timedelta() if collector is None else await collector.remembers()
