"""Queue, accounting and inventory."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.jobs import JobId, JobQuery, JobState
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.fixtures import SchedulerFixtures
from superfacility.testing.contracts.scheduler.material import (
    ARRAY,
    LONG,
    QUICK,
    Reach,
    Submit,
    just_now,
    new_intent,
)
from superfacility.testing.contracts.scheduler.waiting import (
    PATIENCE,
    PAUSE,
    accounted,
    found_for,
    gone,
    queued_job,
)
from superfacility.testing.schedulers import SACCT_COLUMNS, SQUEUE_COLUMNS


class ReadingContract(SchedulerFixtures):
    """What is told of jobs, nodes and the scheduler itself."""

    async def test_rows_have_exactly_the_columns_of_the_contract(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        queued = (await queued_job(scheduler, job_id)).columns
        (recorded,) = await accounted(scheduler, job_id)
        assert tuple(queued) == SQUEUE_COLUMNS
        assert tuple(recorded.columns) == SACCT_COLUMNS
        assert all(isinstance(value, str) for row in (queued, recorded.columns) for value in row.values())
        assert (queued["jobid"], queued["user"], queued["uid"], queued["name"]) == (
            job_id,
            first_user.name,
            str(first_user.uid),
            "long",
        )
        assert (recorded.columns["jobid"], recorded.columns["jobname"]) == (job_id, "long")

    async def test_an_array_is_one_submission_of_many_jobs(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        intent, since = new_intent(), just_now()
        parent = await submit(first_user, ARRAY, intent)
        ids = [f"{parent}_2", f"{parent}_3", f"{parent}_4"]
        assert await found_for(scheduler, first_user, intent, since) == parent
        for each in ids:
            await reach(JobId(each), JobState.COMPLETED)
        await self._listed(scheduler, JobQuery(ids=frozenset({parent})), None, ids)
        await self._listed(scheduler, JobQuery(ids=frozenset({ids[1]})), None, [ids[1]])

    async def test_accounting_filters(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User, second_user: User
    ) -> None:
        mine = await submit(first_user, QUICK)
        await reach(mine, JobState.COMPLETED)
        theirs = await submit(second_user, LONG)
        await accounted(scheduler, theirs)
        both = frozenset({mine, theirs})
        expected: dict[JobQuery, list[str]] = {
            JobQuery(ids=both): [mine, theirs],
            JobQuery(ids=both, users=frozenset({second_user.name})): [theirs],
            JobQuery(ids=both, names=frozenset({"quick"})): [mine],
            JobQuery(ids=both, states=frozenset({"COMPLETED"})): [mine],
            JobQuery(ids=both, partitions=frozenset({"regular"})): [mine, theirs],
            JobQuery(ids=both, qos=frozenset({"nothing"})): [],
            JobQuery(users=frozenset({first_user.name}), since=just_now() - timedelta(hours=1)): [mine],
            JobQuery(ids=both, until=datetime(2000, 1, 1, tzinfo=UTC)): [],
        }
        for query, ids in expected.items():
            await self._listed(scheduler, query, both, ids)

    async def _listed(
        self, scheduler: Scheduler, query: JobQuery, among: frozenset[str] | None, ids: list[str]
    ) -> None:
        """Accounting learns of each job, and of each element of an array, up to seconds after the controller."""
        found: list[str] = []
        try:
            async with asyncio.timeout(PATIENCE):
                while True:
                    found = [job.id for job in await scheduler.accounting(query) if among is None or job.id in among]
                    if found == ids:
                        return
                    await asyncio.sleep(PAUSE)
        except TimeoutError:
            pytest.fail(f"{query} finds {found}, not {ids}")

    async def test_equal_versions_are_equal_queues(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        await reach(job_id, JobState.RUNNING)
        first, second = await scheduler.queue(), await scheduler.queue()
        if first.version == second.version:
            assert [(job.id, job.state) for job in first.jobs] == [(job.id, job.state) for job in second.jobs]
        await scheduler.cancel(first_user, job_id)
        await gone(scheduler, {job_id})
        assert (await scheduler.queue()).version != first.version

    async def test_the_inventory_has_nodes_and_partitions(self, scheduler: Scheduler) -> None:
        inventory = await scheduler.inventory()
        assert all(node.cpus > 0 and node.cpus_allocated <= node.cpus for node in inventory.nodes)
        assert any(node.usable for node in inventory.nodes)
        (default,) = (partition for partition in inventory.partitions if partition.default)
        assert (default.name, default.state) == ("regular", "up")
        assert default.nodes == sum(default.name in node.partitions for node in inventory.nodes)

    async def test_it_knows_what_it_is(self, scheduler: Scheduler) -> None:
        found = await scheduler.capabilities()
        assert found.name
        assert found.version
        assert await scheduler.capabilities() == found

    async def test_ping_answers(self, scheduler: Scheduler) -> None:
        await scheduler.ping()
