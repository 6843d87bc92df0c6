"""A real Slurm whose daemons are stopped, paused and killed: readings fail in time and say nothing false, and each
submission ends as exactly one job (goals R2, R3)."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.errors import FacilityError, Unavailable
from superfacility.facility.jobs import JobId, JobQuery, JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.transport import Transport
from superfacility.tasks.task import TaskId, TaskStatus
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import LONG, new_intent

READ_SECONDS = 2.0
OVERHEAD = 10.0
"""Seconds that a busy machine may take to end what was given up."""
PATIENCE = 120.0


def jobs_named(cluster: SlurmCluster, name: str) -> list[str]:
    """Ids of all jobs of that name, by a way that is not ours."""
    return cluster.root("squeue", "-h", "-t", "all", "-n", name, "-o", "%i").stdout.split()


async def answers(scheduler: SlurmScheduler) -> None:
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(Unavailable):
                await scheduler.ping()
                await scheduler.queue()
                await scheduler.capabilities()
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def one_job(scheduler: SlurmScheduler, user: User) -> AsyncIterator[JobId]:
    job_id = await scheduler.submit(user, LONG, new_intent())
    yield job_id
    with suppress(FacilityError):
        await scheduler.cancel(user, job_id)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("disturb", ["pause", "kill"])
async def test_readings_are_unavailable_in_time_while_the_controller_is_away(
    cluster: SlurmCluster, open_slurm: Callable[..., SlurmScheduler], person: Callable[[str], User], disturb: str
) -> None:
    alice = person("alice")
    scheduler, steady = open_slurm(read_seconds=READ_SECONDS), open_slurm()
    await answers(scheduler)
    async with one_job(steady, alice) as job_id:
        assert job_id in {job.id for job in (await steady.queue()).jobs}
        getattr(cluster, disturb)("slurmctld")
        began = time.monotonic()
        questions = (
            scheduler.queue(),
            scheduler.ping(),
            scheduler.inventory(),
            scheduler.reservations(),
            scheduler.details(alice, job_id),
        )
        said = await asyncio.gather(*questions, return_exceptions=True)
        assert [type(each) for each in said] == [Unavailable] * len(questions)
        assert time.monotonic() - began < READ_SECONDS + OVERHEAD
        cluster.repair()
        await answers(steady)
        found = [job for job in (await steady.queue()).jobs if job.id == job_id]
        assert all(not job.state.terminal for job in found)
        assert found or disturb == "kill"  # a controller that is killed forgets what it has not written yet


@pytest.mark.timeout(300)
@pytest.mark.parametrize("disturb", ["pause", "kill"])
async def test_accounting_that_is_away_ends_no_job(
    cluster: SlurmCluster, open_slurm: Callable[..., SlurmScheduler], person: Callable[[str], User], disturb: str
) -> None:
    alice = person("alice")
    scheduler = open_slurm(read_seconds=2.5 * READ_SECONDS)
    await answers(scheduler)
    async with one_job(scheduler, alice) as job_id:
        getattr(cluster, disturb)("slurmdbd")
        with pytest.raises(Unavailable):
            await scheduler.accounting(JobQuery())
        (job,) = await scheduler.accounting(JobQuery(ids=frozenset({job_id})))
        assert job.state in {JobState.PENDING, JobState.RUNNING, JobState.CONFIGURING}
        with pytest.raises(Unavailable):
            await scheduler.accounting(JobQuery(ids=frozenset({job_id, "60000000"})))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("disturb", ["pause", "kill"])
async def test_a_submission_while_the_controller_is_away_ends_as_exactly_one_job(
    cluster: SlurmCluster,
    open_slurm: Callable[..., SlurmScheduler],
    person: Callable[[str], User],
    transport: Transport,
    new_gateway: Callable[[User], Any],
    disturb: str,
) -> None:
    """A paused controller has the request in its socket already: it makes the job when it wakes up, though sbatch was
    killed long before."""
    gateway = new_gateway(person("alice"))
    scheduler = open_slurm(read_seconds=READ_SECONDS, submit_seconds=2, accounting_lag_seconds=5)
    await answers(scheduler)
    getattr(cluster, disturb)("slurmctld")
    name = f"away-{new_intent()}"
    script = JobScript(text=f"#!/bin/sh\n#SBATCH --job-name={name}\n#SBATCH --hold\nexit 0\n")
    task_id, _ = await gateway.accept(script)
    gateway.start(scheduler, transport)
    await attempted(gateway, task_id)
    cluster.repair()
    task = await gateway.ended(task_id)
    assert task.status is TaskStatus.COMPLETED
    assert jobs_named(cluster, name) == [(task.result or {})["jobid"]]
    await scheduler.cancel(person("alice"), task.result["jobid"])


async def attempted(gateway: Any, task_id: TaskId) -> None:
    """Until it was tried twice, so that an attempt has certainly come to nothing."""
    async with asyncio.timeout(PATIENCE):
        while (await gateway.queue.task(task_id)).attempts < 2:  # noqa: ASYNC110 - the worker is another task
            await asyncio.sleep(0.05)
