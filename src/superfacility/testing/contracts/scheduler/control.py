"""Who may cancel, hold, release, requeue and change what."""

from datetime import timedelta

import pytest

from superfacility.facility.errors import NotFound, NotPermitted, Refused
from superfacility.facility.jobs import JobChange, JobId, JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.fixtures import SchedulerFixtures
from superfacility.testing.contracts.scheduler.material import LONG, QUICK, UNKNOWN_IDS, WAITING, Reach, Submit
from superfacility.testing.contracts.scheduler.waiting import (
    accounted,
    active_ids,
    cancelled_by,
    gone,
    queued_job,
    queued_until,
)


class ControlContract(SchedulerFixtures):
    """What may be done to a job."""

    async def test_cancel_ends_a_running_job(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        await reach(job_id, JobState.RUNNING)
        await scheduler.cancel(first_user, job_id)
        await reach(job_id, JobState.CANCELLED)
        assert await cancelled_by(scheduler, job_id) == f"CANCELLED by {first_user.uid}"

    async def test_cancel_of_what_has_ended_is_no_error(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, QUICK)
        await reach(job_id, JobState.COMPLETED)
        await scheduler.cancel(first_user, job_id)
        (job,) = await accounted(scheduler, job_id)
        assert job.state is JobState.COMPLETED

    @pytest.mark.parametrize("job_id", UNKNOWN_IDS)
    async def test_an_unknown_job_is_not_found(self, scheduler: Scheduler, job_id: str, first_user: User) -> None:
        unknown = JobId(job_id)
        for verb in (scheduler.cancel, scheduler.hold, scheduler.release, scheduler.requeue, scheduler.details):
            with pytest.raises(NotFound):
                await verb(first_user, unknown)
        with pytest.raises(NotFound):
            await scheduler.change(first_user, unknown, JobChange(timedelta(minutes=5)))

    async def test_only_owner_and_staff_may_cancel(
        self,
        scheduler: Scheduler,
        submit: Submit,
        reach: Reach,
        first_user: User,
        second_user: User,
        staff: User,
    ) -> None:
        job_id = await submit(first_user, LONG)
        with pytest.raises(NotPermitted):
            await scheduler.cancel(second_user, job_id)
        await scheduler.cancel(staff, job_id)
        await reach(job_id, JobState.CANCELLED)
        assert await cancelled_by(scheduler, job_id) == f"CANCELLED by {staff.uid}"

    async def test_nobody_changes_the_jobs_of_others(
        self, scheduler: Scheduler, submit: Submit, first_user: User, second_user: User
    ) -> None:
        job_id = await submit(first_user, WAITING)
        for verb in (scheduler.hold, scheduler.release, scheduler.requeue):
            with pytest.raises(NotPermitted):
                await verb(second_user, job_id)
        with pytest.raises(NotPermitted):
            await scheduler.change(second_user, job_id, JobChange(timedelta(minutes=5)))
        assert (await queued_job(scheduler, job_id)).columns["reason"] != "JobHeldUser"

    async def test_a_held_job_waits_until_it_is_released(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, WAITING)
        await scheduler.hold(first_user, job_id)
        await queued_until(scheduler, job_id, lambda job: job.columns["reason"] == "JobHeldUser")
        await scheduler.hold(first_user, job_id)
        await scheduler.release(first_user, job_id)
        await queued_until(scheduler, job_id, lambda job: job.columns["reason"] != "JobHeldUser")

    async def test_what_runs_cannot_be_held(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        await reach(job_id, JobState.RUNNING)
        with pytest.raises(Refused):
            await scheduler.hold(first_user, job_id)

    async def test_a_requeued_job_waits_again_under_its_id(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        await reach(job_id, JobState.RUNNING)
        before = (await queued_job(scheduler, job_id)).started_at
        assert before is not None
        await scheduler.requeue(first_user, job_id)
        await queued_until(
            scheduler,
            job_id,
            lambda job: job.state is JobState.PENDING or (job.started_at is not None and job.started_at > before),
        )

    async def test_what_waits_cannot_be_requeued(self, scheduler: Scheduler, submit: Submit, first_user: User) -> None:
        job_id = await submit(first_user, WAITING)
        with pytest.raises(Refused):
            await scheduler.requeue(first_user, job_id)

    async def test_time_limit_and_qos_of_a_waiting_job_are_changed(
        self, scheduler: Scheduler, submit: Submit, first_user: User, second_qos: str
    ) -> None:
        job_id = await submit(first_user, WAITING)
        await scheduler.change(first_user, job_id, JobChange(time_limit=timedelta(minutes=30)))
        await queued_until(scheduler, job_id, lambda job: job.columns["time_limit"] == "30:00")
        await scheduler.change(first_user, job_id, JobChange(timedelta(minutes=20), second_qos))
        job = await queued_until(scheduler, job_id, lambda job: job.columns["time_limit"] == "20:00")
        assert (job.qos, job.columns["qos"]) == (second_qos, second_qos)

    async def test_a_longer_time_limit_of_a_running_job_is_not_its_owners_to_give(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, JobScript(text="#!/bin/sh\n#SBATCH --time=5\nexec sleep 600\n"))
        await reach(job_id, JobState.RUNNING)
        with pytest.raises(NotPermitted, match="staff"):
            await scheduler.change(first_user, job_id, JobChange(timedelta(hours=1)))

    async def test_an_unknown_qos_is_refused(self, scheduler: Scheduler, submit: Submit, first_user: User) -> None:
        job_id = await submit(first_user, WAITING)
        before = (await queued_job(scheduler, job_id)).qos
        with pytest.raises(Refused):
            await scheduler.change(first_user, job_id, JobChange(qos="no-such-qos"))
        assert (await queued_job(scheduler, job_id)).qos == before

    async def test_an_array_is_cancelled_by_its_parent_id(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        script = JobScript(text="#!/bin/sh\n#SBATCH --array=0-2\nexec sleep 600\n")
        parent = await submit(first_user, script)
        elements = {f"{parent}_{task}" for task in range(3)}
        await scheduler.cancel(first_user, JobId(f"{parent}_1"))
        await gone(scheduler, {f"{parent}_1"})
        assert await active_ids(scheduler) & elements == {f"{parent}_0", f"{parent}_2"}
        await scheduler.cancel(first_user, parent)
        await gone(scheduler, elements)
