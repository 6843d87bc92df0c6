"""Heterogeneous jobs: one submission, some parts, and one id for all of them."""

import asyncio
from collections.abc import Callable

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.jobs import Job, JobId, JobQuery, JobScript
from superfacility.facility.people import User
from superfacility.testing.contracts.scheduler import just_now, new_intent
from superfacility.testing.contracts.scheduler.waiting import PATIENCE, PAUSE, found_for

TWO_PARTS = JobScript(
    text="#!/bin/sh\n#SBATCH --ntasks=1 --time=2 --begin=now+1hour\n#SBATCH hetjob\n#SBATCH --ntasks=1\nexit 0\n"
)


async def until(scheduler: SlurmScheduler, job_id: JobId, wanted: Callable[[list[Job]], bool]) -> list[Job]:
    query = JobQuery(ids=frozenset({job_id}))
    async with asyncio.timeout(PATIENCE):
        while True:
            if wanted(jobs := list(await scheduler.accounting(query))):
                return jobs
            await asyncio.sleep(PAUSE)


async def test_all_parts_have_the_id_that_sbatch_printed(
    open_slurm: Callable[..., SlurmScheduler], person: Callable[[str], User]
) -> None:
    scheduler, alice, intent, since = open_slurm(), person("alice"), new_intent(), just_now()
    job_id = await scheduler.submit(alice, TWO_PARTS, intent)
    try:
        assert await found_for(scheduler, alice, intent, since) == job_id
        listed = [job.id for job in (await scheduler.queue()).jobs if job.parent_id == job_id]
        assert listed == [f"{job_id}+0", f"{job_id}+1"]
        found = await until(scheduler, job_id, lambda jobs: len(jobs) == 2)
        assert [job.id for job in found] == listed
        assert [job.id for job in await scheduler.accounting(JobQuery(ids=frozenset({listed[1]})))] == [listed[1]]
        assert (await scheduler.details(alice, job_id)).user == alice.name
    finally:
        await scheduler.cancel(alice, job_id)
    await until(scheduler, job_id, lambda jobs: len(jobs) == 2 and all(job.state.terminal for job in jobs))
