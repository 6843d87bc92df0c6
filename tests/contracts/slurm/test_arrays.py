"""Arrays of which accounting knows a part: it learns of elements one by one, seconds after they have ended."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.jobs import Job, JobQuery, JobScript, JobState
from superfacility.facility.people import User
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import new_intent
from superfacility.testing.contracts.scheduler.waiting import PATIENCE, left, until

ELEMENTS = 4
STARTED = "test $SLURM_ARRAY_TASK_ID = 0 || sleep 20"
"""All have started before the first one ends, and accounting has time to learn of that end before there are more."""


@pytest.mark.timeout(3 * PATIENCE)
@pytest.mark.parametrize(("at_once", "line"), [("", STARTED), ("%1", "sleep 5")])
async def test_all_elements_are_known_as_soon_as_the_queue_has_none_of_them(
    cluster: SlurmCluster,
    open_slurm: Callable[..., SlurmScheduler],
    person: Callable[[str], User],
    at_once: str,
    line: str,
) -> None:
    scheduler = open_slurm()
    directives = f"#SBATCH --array=0-{ELEMENTS - 1}{at_once}\n#SBATCH -o /dev/null\n"
    script = JobScript(f"#!/bin/sh\n{directives}{line}\nexit 3\n")
    array = await scheduler.submit(person("alice"), script, new_intent())
    await until(lambda: _recorded(cluster, f"{array}_0"))
    parts, latest = (JobQuery(ids=frozenset({array}), up_to_date=answer) for answer in (False, True))
    with cluster.lagging_accounting():
        await until(lambda: left(scheduler, array))
        behind, found = await scheduler.accounting(parts), await scheduler.accounting(latest)
    assert 0 < _failed(behind) < ELEMENTS
    assert [(job.id, job.state, job.exit_code) for job in found] == [
        (f"{array}_{number}", JobState.FAILED, 3) for number in range(ELEMENTS)
    ]
    await until(lambda: _caught_up(scheduler, parts))
    assert list(await scheduler.accounting(latest)) == list(await scheduler.accounting(parts))


async def _recorded(cluster: SlurmCluster, job: str) -> bool:
    asked = ("sacct", "--allocations", "--noheader", f"--jobs={job}", "--format=state")
    return "FAILED" in (await asyncio.to_thread(cluster.root, *asked)).stdout


async def _caught_up(scheduler: SlurmScheduler, query: JobQuery) -> bool:
    return _failed(await scheduler.accounting(query)) == ELEMENTS


def _failed(jobs: Sequence[Job]) -> int:
    return sum(job.state is JobState.FAILED for job in jobs)
