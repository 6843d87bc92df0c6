"""A real Slurm without slurmdbd, as on small sites: what the controller remembers stands for the accounting."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Unsupported
from superfacility.facility.jobs import JobQuery, JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.systems import System, SystemName
from superfacility.facility.transport import Transport
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.reading.sharing import Sharing
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import new_intent
from superfacility.testing.contracts.scheduler.waiting import PATIENCE, left, queued_until, until
from superfacility.testing.stores import Memory, MemoryEventLog, MemoryLocks, MemorySnapshotStore

REMEMBERED = timedelta(seconds=60)
"""Less than a sweep of the collector looks back."""
JOB = JobScript("#!/bin/sh\n#SBATCH -o /dev/null\n#SBATCH --time=90\nsleep 3\nexit 3\n")
ARRAY = JobScript("#!/bin/sh\n#SBATCH -o /dev/null\n#SBATCH --array=0-3\nexit 3\n")


@pytest.fixture
def cluster(cluster_without_accounting: SlurmCluster) -> SlurmCluster:
    return cluster_without_accounting


@pytest.fixture
def scheduler(open_slurm: Callable[..., SlurmScheduler]) -> SlurmScheduler:
    return open_slurm()


@pytest.mark.timeout(3 * PATIENCE)
async def test_the_end_of_a_job_is_told(
    scheduler: SlurmScheduler, person: Callable[[str], User], transport: Transport
) -> None:
    memory = Memory()
    system = System(SystemName("perlmutter"), "Perlmutter", transport, (), scheduler)
    sharing = Sharing(MemorySnapshotStore(memory), MemoryLocks(memory))
    collector = Collector(system, SystemClock(), sharing=sharing, period=0.5)
    await collector.view(fresh=True)
    job_id = await scheduler.submit(person("alice"), JOB, new_intent())
    await queued_until(scheduler, job_id, lambda job: job.state is JobState.RUNNING)
    ends: list[object] = []

    async def told() -> bool:
        await collector.view(fresh=True)
        events = [event.what for event in await MemoryEventLog(memory).after(0, limit=1000)]
        ends[:] = [each.data for each in events if (each.subject, each.data["state"]) == (job_id, "FAILED")]
        return bool(ends)

    await until(told)
    (end,) = ends
    assert isinstance(end, dict)
    assert (end["jobid"], end["exit_code"], end["qos"]) == (job_id, 3, "")
    assert end["ended_at"]


@pytest.mark.timeout(3 * PATIENCE)
async def test_all_of_an_array_is_remembered(scheduler: SlurmScheduler, person: Callable[[str], User]) -> None:
    found = await scheduler.capabilities()
    assert (found.accounting, found.remembers) == (False, REMEMBERED)
    array = await scheduler.submit(person("alice"), ARRAY, new_intent())
    await until(lambda: left(scheduler, array))
    rows = await scheduler.accounting(JobQuery(ids=frozenset({array}), up_to_date=True))
    assert [(job.id, job.state, job.exit_code) for job in rows] == [
        (f"{array}_{number}", JobState.FAILED, 3) for number in range(4)
    ]


async def test_rows_are_written_as_saccts(scheduler: SlurmScheduler, person: Callable[[str], User]) -> None:
    job_id = await scheduler.submit(person("alice"), JOB, new_intent())
    (row,) = await scheduler.accounting(JobQuery(ids=frozenset({job_id})))
    assert (row.columns["timelimit"], row.columns["timelimitraw"]) == ("01:30:00", "90")


async def test_a_longer_time_than_is_remembered_is_refused_in_words(scheduler: SlurmScheduler) -> None:
    with pytest.raises(Unsupported, match="keeps no accounting of jobs, and forgets ended ones after 60 s"):
        await scheduler.accounting(JobQuery(since=SystemClock().now() - timedelta(hours=1)))
