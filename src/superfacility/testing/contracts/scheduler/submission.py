"""Jobs are submitted once, run, and are told of as they are."""

import asyncio
from dataclasses import replace

import pytest

from superfacility.facility.errors import NotPermitted, Refused
from superfacility.facility.jobs import JobScript, JobState
from superfacility.facility.people import User
from superfacility.facility.scheduler import Scheduler
from superfacility.testing.contracts.scheduler.fixtures import SchedulerFixtures
from superfacility.testing.contracts.scheduler.material import (
    BOUND,
    FAILING,
    LONG,
    QUICK,
    READ,
    WAITING,
    Reach,
    Submit,
    just_now,
    new_intent,
)
from superfacility.testing.contracts.scheduler.waiting import (
    accounted,
    active_ids,
    ended,
    found_for,
    gone,
    queued_job,
)


class SubmissionContract(SchedulerFixtures):
    """What becomes of a script."""

    async def test_a_job_is_visible_the_moment_its_id_is_known(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, LONG)
        waiting = await queued_job(scheduler, job_id)
        assert waiting.user == first_user.name
        (row,) = await accounted(scheduler, job_id)
        assert row.id == job_id
        assert not row.state.terminal

    async def test_a_job_completes(self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User) -> None:
        job_id = await submit(first_user, QUICK)
        await reach(job_id, JobState.COMPLETED)
        job = await ended(scheduler, job_id)
        assert (job.exit_code, job.columns["exitcode"], job.columns["state"]) == (0, "0:0", "COMPLETED")
        assert job.submitted_at is not None
        assert job.started_at is not None
        assert job.ended_at is not None
        assert job.submitted_at <= job.started_at <= job.ended_at
        await gone(scheduler, {job_id})

    async def test_a_job_fails_with_its_exit_code(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        job_id = await submit(first_user, FAILING)
        await reach(job_id, JobState.FAILED)
        job = await ended(scheduler, job_id)
        assert job.exit_code == 3
        assert (job.columns["state"], job.columns["exitcode"]) == ("FAILED", "3:0")

    async def test_the_same_intent_is_the_same_job(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        intent, before = new_intent(), await active_ids(scheduler)
        first = await submit(first_user, LONG, intent)
        assert await submit(first_user, LONG, intent) == first
        own = {job.id for job in (await scheduler.queue()).jobs if job.user == first_user.name}
        assert own - before == {first}

    async def test_concurrent_submissions_of_one_intent_make_one_job(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        intent, before = new_intent(), await active_ids(scheduler)
        ids = set(await asyncio.gather(*(submit(first_user, LONG, intent) for _ in range(10))))
        assert len(ids) == 1
        own = {job.id for job in (await scheduler.queue()).jobs if job.user == first_user.name}
        assert own - before == ids

    async def test_find_knows_what_was_submitted_and_nothing_else(
        self, scheduler: Scheduler, submit: Submit, reach: Reach, first_user: User
    ) -> None:
        intent, since = new_intent(), just_now()
        assert await found_for(scheduler, first_user, intent, since) is None
        job_id = await submit(first_user, QUICK, intent)
        assert await found_for(scheduler, first_user, intent, since) == job_id
        await reach(job_id, JobState.COMPLETED)
        assert await found_for(scheduler, first_user, intent, since) == job_id

    async def test_a_refused_script_leaves_nothing(self, scheduler: Scheduler, first_user: User) -> None:
        intent, since = new_intent(), just_now()
        before = await active_ids(scheduler)
        with pytest.raises(Refused) as refusal:
            await scheduler.submit(first_user, JobScript(text="echo no interpreter\n"), intent)
        assert refusal.value.words.startswith("sbatch: error: This does not look like a batch script.")
        assert refusal.value.words.endswith("\n")
        assert await found_for(scheduler, first_user, intent, since) is None
        own = {job.id for job in (await scheduler.queue()).jobs if job.user == first_user.name}
        assert not own - before

    async def test_details_say_where_the_files_of_a_job_are(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, WAITING)
        details = await scheduler.details(first_user, job_id)
        assert (details.id, details.user) == (job_id, first_user.name)
        for path in (details.directory, details.stdout, details.stderr):
            assert path is not None
            assert path.startswith("/")
        assert details.script is not None
        assert "--job-name=waiting" in details.script

    async def test_details_need_not_ask_for_what_the_queue_has_said(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, WAITING)
        listed = await queued_job(scheduler, job_id)
        asked = await scheduler.details(first_user, job_id)
        again = await scheduler.details(first_user, job_id, listed=listed, script=False)
        assert replace(again, script=None) == replace(asked, script=None)
        assert (await scheduler.details(first_user, job_id, listed=listed)).script == asked.script

    async def test_a_project_is_charged_whatever_the_script_says(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        job_id = await submit(first_user, BOUND)
        assert (await queued_job(scheduler, job_id)).project == BOUND.project

    async def test_a_text_that_was_read_keeps_the_name_of_its_path(
        self, scheduler: Scheduler, submit: Submit, first_user: User
    ) -> None:
        intent, since = new_intent(), just_now()
        job_id = await submit(first_user, READ, intent)
        listed = await queued_job(scheduler, job_id)
        assert (listed.name, listed.project) == ("run.sh", READ.project)
        assert await found_for(scheduler, first_user, intent, since) == job_id
        details = await scheduler.details(first_user, job_id)
        assert details.script is not None
        assert "# as it was read" in details.script
        assert (details.command or "").startswith("/no/such/folder/run.sh")

    async def test_the_script_is_not_for_others(
        self, scheduler: Scheduler, submit: Submit, first_user: User, second_user: User
    ) -> None:
        job_id = await submit(first_user, WAITING)
        try:
            details = await scheduler.details(second_user, job_id)
        except NotPermitted:
            return
        assert (details.user, details.script) == (first_user.name, None)
