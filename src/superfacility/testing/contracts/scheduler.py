"""What every scheduler does. A test module gives the fixtures `scheduler` and `reach`."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from superfacility.core.clock import SystemClock
from superfacility.facility.errors import Conflict, NotFound, NotPermitted, Refused
from superfacility.facility.jobs import Intent, Job, JobId, JobQuery, JobScript, JobState
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.schedulers import SACCT_COLUMNS, SQUEUE_COLUMNS, named

DEMO1 = named("demo1", 1001)
DEMO2 = named("demo2", 1002)
STAFF = named("operator", 1003, staff=True)
QUICK = JobScript(text="#!/bin/sh\n#SBATCH --job-name=quick\nexit 0\n")
FAILING = JobScript(text="#!/bin/sh\nexit 3\n")
LONG = JobScript(text="#!/bin/sh\n#SBATCH --job-name=long\nexec sleep 600\n")
ARRAY = JobScript(text="#!/bin/sh\n#SBATCH --array=2-4\nexit 0\n")

Reach = Callable[[JobId, JobState], Awaitable[None]]
"""Wait until a job is in a state, or put it there; fails if it does not come."""


def new_intent() -> Intent:
    return Intent(uuid4())


async def accounted(scheduler: Scheduler, job_id: str) -> list[Job]:
    return list(await scheduler.accounting(JobQuery(ids=frozenset({job_id}))))


async def queued_job(scheduler: Scheduler, job_id: str) -> Job:
    return next(job for job in (await scheduler.queue()).jobs if job.id == job_id)


def reservation(name: str = "beamtime", **changes: object) -> Reservation:
    now = datetime.fromtimestamp(int(SystemClock().now().timestamp()), UTC)
    values: dict[str, object] = {
        "name": ReservationName(name),
        "start": now - timedelta(seconds=1),
        "end": now + timedelta(hours=1),
        "nodes": 1,
        "users": ("demo1",),
        **changes,
    }
    return Reservation(**values)  # type: ignore[arg-type]


class SchedulerContract:
    """Inherit from this, and give the fixtures."""

    @pytest.fixture
    def scheduler(self) -> Scheduler:
        raise NotImplementedError

    @pytest.fixture
    def reach(self) -> Reach:
        raise NotImplementedError

    async def test_a_job_is_visible_the_moment_its_id_is_known(self, scheduler: Scheduler) -> None:
        job_id = await scheduler.submit(DEMO1, LONG, new_intent())
        (waiting,) = (await scheduler.queue()).jobs
        (row,) = await accounted(scheduler, job_id)
        assert (waiting.id, waiting.user) == (job_id, "demo1")
        assert row.id == job_id
        assert not row.state.terminal

    async def test_a_job_completes(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, QUICK, new_intent())
        await reach(job_id, JobState.COMPLETED)
        (job,) = await accounted(scheduler, job_id)
        assert (job.exit_code, job.columns["exitcode"], job.columns["state"]) == (0, "0:0", "COMPLETED")
        assert job.submitted_at is not None
        assert job.started_at is not None
        assert job.ended_at is not None
        assert job.submitted_at <= job.started_at <= job.ended_at
        assert (await scheduler.queue()).jobs == ()

    async def test_a_job_fails_with_its_exit_code(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, FAILING, new_intent())
        await reach(job_id, JobState.FAILED)
        (job,) = await accounted(scheduler, job_id)
        assert job.exit_code == 3
        assert (job.columns["state"], job.columns["exitcode"]) == ("FAILED", "3:0")

    async def test_rows_have_exactly_the_columns_of_the_contract(self, scheduler: Scheduler) -> None:
        job_id = await scheduler.submit(DEMO1, LONG, new_intent())
        queued = (await queued_job(scheduler, job_id)).columns
        (recorded,) = await accounted(scheduler, job_id)
        assert tuple(queued) == SQUEUE_COLUMNS
        assert tuple(recorded.columns) == SACCT_COLUMNS
        assert all(isinstance(value, str) for row in (queued, recorded.columns) for value in row.values())
        assert (queued["jobid"], queued["user"], queued["uid"], queued["name"]) == (job_id, "demo1", "1001", "long")
        assert (recorded.columns["jobid"], recorded.columns["jobname"]) == (job_id, "long")

    async def test_the_same_intent_is_the_same_job(self, scheduler: Scheduler) -> None:
        intent = new_intent()
        first = await scheduler.submit(DEMO1, LONG, intent)
        assert await scheduler.submit(DEMO1, LONG, intent) == first
        assert len((await scheduler.queue()).jobs) == 1

    async def test_concurrent_submissions_of_one_intent_make_one_job(self, scheduler: Scheduler) -> None:
        intent = new_intent()
        ids = await asyncio.gather(*(scheduler.submit(DEMO1, LONG, intent) for _ in range(10)))
        assert len(set(ids)) == 1
        assert len((await scheduler.queue()).jobs) == 1

    async def test_find_knows_what_was_submitted_and_nothing_else(self, scheduler: Scheduler, reach: Reach) -> None:
        intent = new_intent()
        assert await scheduler.find(DEMO1, intent) is None
        job_id = await scheduler.submit(DEMO1, QUICK, intent)
        assert await scheduler.find(DEMO1, intent) == job_id
        await reach(job_id, JobState.COMPLETED)
        assert await scheduler.find(DEMO1, intent) == job_id

    async def test_a_refused_script_leaves_nothing(self, scheduler: Scheduler) -> None:
        intent = new_intent()
        with pytest.raises(Refused) as refusal:
            await scheduler.submit(DEMO1, JobScript(text="echo no interpreter\n"), intent)
        assert refusal.value.words.startswith("sbatch: error: This does not look like a batch script.")
        assert refusal.value.words.endswith("\n")
        assert await scheduler.find(DEMO1, intent) is None
        assert (await scheduler.queue()).jobs == ()

    async def test_cancel_ends_a_running_job(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, LONG, new_intent())
        await reach(job_id, JobState.RUNNING)
        await scheduler.cancel(DEMO1, job_id)
        await reach(job_id, JobState.CANCELLED)
        (job,) = await accounted(scheduler, job_id)
        assert job.columns["state"] == "CANCELLED by 1001"

    async def test_cancel_of_what_has_ended_is_no_error(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, QUICK, new_intent())
        await reach(job_id, JobState.COMPLETED)
        await scheduler.cancel(DEMO1, job_id)
        (job,) = await accounted(scheduler, job_id)
        assert job.state is JobState.COMPLETED

    @pytest.mark.parametrize("job_id", ["999", "999_1", "no-such", "", "-1", "1;2"])
    async def test_cancel_of_an_unknown_job_is_not_found(self, scheduler: Scheduler, job_id: str) -> None:
        with pytest.raises(NotFound):
            await scheduler.cancel(DEMO1, JobId(job_id))

    async def test_only_owner_and_staff_may_cancel(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, LONG, new_intent())
        with pytest.raises(NotPermitted):
            await scheduler.cancel(DEMO2, job_id)
        await scheduler.cancel(STAFF, job_id)
        await reach(job_id, JobState.CANCELLED)
        (job,) = await accounted(scheduler, job_id)
        assert job.columns["state"] == "CANCELLED by 1003"

    async def test_an_array_is_one_submission_of_many_jobs(self, scheduler: Scheduler, reach: Reach) -> None:
        intent = new_intent()
        parent = await scheduler.submit(DEMO1, ARRAY, intent)
        ids = [f"{parent}_2", f"{parent}_3", f"{parent}_4"]
        assert [job.id for job in await accounted(scheduler, parent)] == ids
        assert [job.id for job in await accounted(scheduler, ids[1])] == [ids[1]]
        assert await scheduler.find(DEMO1, intent) == parent
        for each in ids:
            await reach(JobId(each), JobState.COMPLETED)

    async def test_an_array_is_cancelled_by_its_parent_id(self, scheduler: Scheduler, reach: Reach) -> None:
        script = JobScript(text="#!/bin/sh\n#SBATCH --array=0-2\nexec sleep 600\n")
        parent = await scheduler.submit(DEMO1, script, new_intent())
        await scheduler.cancel(DEMO1, JobId(f"{parent}_1"))
        await reach(JobId(f"{parent}_1"), JobState.CANCELLED)
        assert {job.id for job in (await scheduler.queue()).jobs} == {f"{parent}_0", f"{parent}_2"}
        await scheduler.cancel(DEMO1, parent)
        for task in range(3):
            await reach(JobId(f"{parent}_{task}"), JobState.CANCELLED)

    async def test_accounting_filters(self, scheduler: Scheduler, reach: Reach) -> None:
        mine = await scheduler.submit(DEMO1, QUICK, new_intent())
        await reach(mine, JobState.COMPLETED)
        theirs = await scheduler.submit(DEMO2, LONG, new_intent())
        both = frozenset({mine, theirs})
        expected = {
            JobQuery(): [mine, theirs],
            JobQuery(users=frozenset({"demo2"})): [theirs],
            JobQuery(names=frozenset({"quick"})): [mine],
            JobQuery(states=frozenset({"COMPLETED"})): [mine],
            JobQuery(ids=both, partitions=frozenset({"regular"})): [mine, theirs],
            JobQuery(ids=both, qos=frozenset({"nothing"})): [],
            JobQuery(since=SystemClock().now() + timedelta(hours=1)): [theirs],
            JobQuery(until=datetime(2000, 1, 1, tzinfo=UTC)): [],
        }
        for query, ids in expected.items():
            assert [job.id for job in await scheduler.accounting(query)] == ids, query

    async def test_equal_versions_are_equal_queues(self, scheduler: Scheduler, reach: Reach) -> None:
        job_id = await scheduler.submit(DEMO1, LONG, new_intent())
        await reach(job_id, JobState.RUNNING)
        first, second = await scheduler.queue(), await scheduler.queue()
        assert first.version == second.version
        await scheduler.cancel(DEMO1, job_id)
        await reach(job_id, JobState.CANCELLED)
        assert (await scheduler.queue()).version != first.version

    async def test_a_reservation_is_made_once_and_deleted_once(self, scheduler: Scheduler) -> None:
        asked = reservation()
        made = await scheduler.reserve(STAFF, asked)
        assert (made.name, made.start, made.end, made.users) == (asked.name, asked.start, asked.end, ("demo1",))
        assert made.state == "ACTIVE"
        assert await scheduler.reserve(STAFF, asked) == made
        assert list(await scheduler.reservations()) == [made]
        await scheduler.cancel_reservation(STAFF, made.name)
        assert list(await scheduler.reservations()) == []
        with pytest.raises(NotFound):
            await scheduler.cancel_reservation(STAFF, made.name)

    async def test_a_reservation_name_is_taken_once(self, scheduler: Scheduler) -> None:
        await scheduler.reserve(STAFF, reservation())
        with pytest.raises(Conflict):
            await scheduler.reserve(STAFF, reservation(users=("demo2",)))

    async def test_a_reservation_that_ends_before_it_begins_is_refused(self, scheduler: Scheduler) -> None:
        with pytest.raises(Refused):
            await scheduler.reserve(STAFF, reservation(end=SystemClock().now() - timedelta(hours=1)))

    async def test_reserved_cores_are_for_those_it_names(self, scheduler: Scheduler, reach: Reach) -> None:
        await scheduler.reserve(STAFF, reservation())
        inside = JobScript(text="#!/bin/sh\n#SBATCH --reservation=beamtime\nexit 0\n")
        outsider = await scheduler.submit(DEMO2, QUICK, new_intent())
        with pytest.raises(Refused) as refusal:
            await scheduler.submit(DEMO2, inside, new_intent())
        assert "Access denied to requested reservation" in refusal.value.words
        insider = await scheduler.submit(DEMO1, inside, new_intent())
        await reach(insider, JobState.COMPLETED)
        assert (await queued_job(scheduler, outsider)).state is JobState.PENDING
        await scheduler.cancel_reservation(STAFF, ReservationName("beamtime"))
        await reach(outsider, JobState.COMPLETED)

    async def test_an_unknown_reservation_is_refused(self, scheduler: Scheduler) -> None:
        script = JobScript(text="#!/bin/sh\n#SBATCH --reservation=nothing\nexit 0\n")
        with pytest.raises(Refused):
            await scheduler.submit(DEMO1, script, new_intent())

    async def test_ping_answers(self, scheduler: Scheduler) -> None:
        await scheduler.ping()
