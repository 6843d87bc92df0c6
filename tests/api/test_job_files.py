"""Details of jobs are asked of the scheduler once for all programs of a person, and told to nobody else."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.app import create_app
from superfacility.facility.errors import NotPermitted, Unavailable
from superfacility.facility.jobs import JobState
from superfacility.facility.people import Project, ProjectName, Role, UserName
from superfacility.services.compute.listings import Visibility
from superfacility.services.compute.output import JobOutputs
from superfacility.testing.tokens import key_pair

JOBS = "/compute/jobs/perlmutter"
ME, OTHER, STAFF = "yellow:demo1", "yellow:demo2", "yellow:staff1"
PERIOD, HOUR = timedelta(seconds=5), timedelta(hours=1)
SCRIPT = "#!/bin/sh\n"


@pytest.fixture
def started(site):
    site.scheduler.add("7", started_at=site.clock.now())
    return site


@pytest.fixture
def waiting(site):
    site.scheduler.add("7", state=JobState.PENDING)
    return site


async def details(site, token=ME, job_id="7"):
    return await site.get(f"{JOBS}/{job_id}/details", token)


async def script(site, token=ME, job_id="7"):
    return (await details(site, token, job_id)).json()["script"]


def asked(site):
    found = list(site.scheduler.asked_details)
    site.scheduler.asked_details.clear()
    return found


async def test_many_programs_cost_one_question(started):
    found = await asyncio.gather(*(details(started) for _ in range(20)))
    assert {each.json()["script"] for each in found} == {SCRIPT}
    assert asked(started) == [("demo1", "7", "script")]
    started.clock.advance(PERIOD)
    assert await script(started) == SCRIPT
    assert asked(started) == []


async def test_the_paths_of_a_job_that_waits_are_asked_again_once_a_period_and_its_script_never(waiting):
    for _ in range(3):
        await asyncio.gather(*(details(waiting) for _ in range(20)))
        assert await script(waiting) == SCRIPT
        waiting.clock.advance(PERIOD)
    assert asked(waiting) == [("demo1", "7", "script"), ("demo1", "7", "paths"), ("demo1", "7", "paths")]


async def test_a_job_that_starts_or_ends_is_asked_about_anew(waiting):
    """What a file is called may name the node."""
    await details(waiting)
    for state, changes in ((JobState.RUNNING, {"started_at": waiting.clock.now()}), (JobState.COMPLETED, {})):
        asked(waiting)
        before = waiting.scheduler.jobs["7"].submitted_at
        job = waiting.scheduler.add("7", state=state, **changes)
        waiting.scheduler.jobs["7"] = replace(job, submitted_at=before)
        waiting.clock.advance(PERIOD)
        for _ in range(3):
            assert await script(waiting) == SCRIPT
            waiting.clock.advance(PERIOD)
        assert asked(waiting) == [("demo1", "7", "paths")]


async def test_another_submission_under_the_same_id_has_a_script_of_its_own(waiting):
    await details(waiting)
    waiting.clock.advance(PERIOD)
    waiting.scheduler.add("7", state=JobState.PENDING)
    waiting.scheduler.script = "#!/bin/bash\n"
    assert await script(waiting) == "#!/bin/bash\n"


async def test_an_ended_job_is_asked_about_once_in_an_hour(site):
    site.scheduler.add("7", state=JobState.COMPLETED)
    for _ in range(10):
        await details(site)
        site.clock.advance(6 * PERIOD)
    assert len(asked(site)) == 1
    site.clock.advance(HOUR)
    await details(site)
    assert len(asked(site)) == 1


async def test_a_script_is_told_to_whom_the_scheduler_tells_it(started):
    assert (await script(started), await script(started, OTHER)) == (SCRIPT, None)
    assert (await script(started, OTHER), await script(started)) == (None, SCRIPT)
    assert sorted(asked(started)) == [("demo1", "7", "script"), ("demo2", "7", "script")]


async def test_who_takes_over_a_name_or_is_no_longer_staff_is_asked_for_anew(started):
    await details(started)
    user = await started.people.user(UserName("demo1"))
    for changed in (replace(user, uid=4711), replace(user, staff=True)):
        asked(started)
        started.memory.users[user.name] = changed
        await details(started)
        assert asked(started) == [("demo1", "7", "script")]


def narrowed(site, visibility):
    jobs = replace(site.services.jobs, visibility=visibility)
    output = JobOutputs(jobs.facility, jobs, site.clock)
    site.app = create_app(replace(site.services, jobs=jobs, output=output), name="Example")


async def test_the_site_s_rule_is_looked_at_each_time(started):
    narrowed(started, Visibility.PROJECT)
    name = ProjectName("m0001")
    started.scheduler.add("8", project=name, started_at=started.clock.now())
    await started.people.set_membership(name, UserName("demo2"), Role.USER, started.audit())
    assert (await details(started, job_id="7")).status_code == 200
    assert (await details(started, OTHER, "7")).status_code == 404
    assert (await details(started, OTHER, "8")).status_code == 200
    asked(started)
    await started.people.set_membership(name, UserName("demo2"), None, started.audit())
    for what in ("details", "output"):
        assert (await started.get(f"{JOBS}/8/{what}", OTHER)).status_code == 404
    assert (await details(started, STAFF, "8")).status_code == 200
    assert asked(started) == [("staff1", "8", "script")]


async def test_a_bound_client_reads_and_follows_without_asking_again(site):
    await site.people.save_project(Project(2, ProjectName("m0002"), "Another"), site.audit(), new=True)
    form = {"name": "camera", "level": "yellow", "ranges": ["mine"], "public_key": key_pair("ES256")[1]}
    made = await site.call("POST", "/account/clients", "red:demo1:login", json=form | {"project": "m0001"})
    token = f"client:{made.json()['id']}"
    for job_id, project in (("7", "m0001"), ("8", "m0002")):
        site.scheduler.add(job_id, project=ProjectName(project), started_at=site.clock.now())
        site.transport.add_file(f"/home/demo1/{job_id}.out", b"hello\n")
        await details(site, ME, job_id)
    asked(site)
    for _ in range(5):
        assert (await details(site, token)).status_code == 200
        assert (await details(site, token, "8")).status_code == 404
        assert (await site.get(f"{JOBS}/8/output", token)).status_code == 404
    assert asked(site) == []


async def test_that_there_is_no_such_job_is_believed_for_a_period(site):
    for _ in range(5):
        assert (await details(site)).status_code == 404
    assert len(asked(site)) == 1
    site.clock.advance(PERIOD)
    assert (await details(site)).status_code == 404
    assert len(asked(site)) == 1


async def test_a_job_that_the_queue_shows_is_found_at_once(site):
    assert (await details(site)).status_code == 404
    site.scheduler.add("7")
    await site.get(f"{JOBS}?cached=false", ME)
    assert await script(site) == SCRIPT


async def test_a_scheduler_that_is_away_hides_nothing_that_is_known(waiting):
    await details(waiting)
    waiting.scheduler.fault = Unavailable("away")
    waiting.clock.advance(PERIOD)
    assert await script(waiting) == SCRIPT
    assert (await details(waiting, OTHER)).status_code == 503
    waiting.scheduler.fault = NotPermitted("not yours")
    waiting.clock.advance(PERIOD)
    assert (await details(waiting, OTHER)).status_code == 403


async def test_output_needs_no_script_and_details_fetch_it_later(started):
    started.transport.add_file("/home/demo1/7.out", b"hello\n")
    for _ in range(3):
        assert (await started.get(f"{JOBS}/7/output", ME)).status_code == 200
    assert asked(started) == [("demo1", "7", "paths")]
    assert await script(started) == SCRIPT
    assert asked(started) == [("demo1", "7", "script")]


async def test_where_a_waiting_job_will_print_is_asked_once_a_minute(waiting):
    for _ in range(12):
        assert (await waiting.get(f"{JOBS}/7/output", ME)).status_code == 200
        waiting.clock.advance(PERIOD)
    assert asked(waiting) == [("demo1", "7", "paths")]
    assert (await waiting.get(f"{JOBS}/7/output", ME)).status_code == 200
    assert asked(waiting) == [("demo1", "7", "paths")]


async def test_long_scripts_make_room_for_each_other(site):
    site.scheduler.script = "#!/bin/sh\n" + "#" * (12 * 1024 * 1024)
    for job_id in ("1", "2", "3"):
        site.scheduler.add(job_id, state=JobState.COMPLETED)
        await details(site, job_id=job_id)
    asked(site)
    for job_id in ("3", "2", "1"):
        await details(site, job_id=job_id)
    assert [job_id for _, job_id, _ in asked(site)] == ["1"]
