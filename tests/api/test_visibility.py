"""Whose jobs a caller sees is a setting: everybody's, those of shared projects, or one's own. Staff see all."""

from dataclasses import replace

import pytest

from superfacility.app import create_app
from superfacility.facility.jobs import JobState
from superfacility.facility.people import ProjectName, Role
from superfacility.services.compute.listings import Visibility

JOBS = "/compute/jobs/perlmutter"
MINE, SHARED, FOREIGN = "1", "2", "3"


@pytest.fixture
def narrowed(site):
    """Makes the site show as little as the setting says; demo2 is a member of one project of demo1."""

    async def narrow(visibility):
        await site.people.set_membership(ProjectName("m0001"), "demo2", Role.USER, site.audit())
        jobs = replace(site.services.jobs, visibility=visibility)
        site.app = create_app(replace(site.services, jobs=jobs), name="Example")
        site.scheduler.add(MINE, "demo2", project=ProjectName("m0002"))
        site.scheduler.add(SHARED, "demo1", project=ProjectName("m0001"))
        site.scheduler.add(FOREIGN, "demo1", project=ProjectName("m0003"))
        site.scheduler.add("4", "demo1", state=JobState.COMPLETED, project=ProjectName("m0003"))
        return site

    return narrow


async def seen(site, path, **query):
    answer = await site.get(path, "yellow:demo2", params=query)
    assert answer.json()["status"] == "OK", answer.text
    return {row["jobid"] for row in answer.json()["output"]}


@pytest.mark.parametrize(
    ("visibility", "expected"),
    [
        (Visibility.ALL, {MINE, SHARED, FOREIGN}),
        (Visibility.PROJECT, {MINE, SHARED}),
        (Visibility.OWN, {MINE}),
    ],
)
async def test_every_view_of_jobs_shows_what_the_setting_allows(narrowed, visibility, expected):
    site = await narrowed(visibility)
    ended = {"4"} if visibility is Visibility.ALL else set()
    for cached in ("true", "false"):
        assert await seen(site, JOBS, cached=cached) == expected
        assert await seen(site, JOBS, cached=cached, sacct="true") == expected | ended
        assert await seen(site, JOBS, cached=cached, kwargs="user=demo1") == expected - {MINE}
    for job in (MINE, SHARED, FOREIGN):
        assert await seen(site, f"{JOBS}/{job}") == {job} & expected
        assert await seen(site, f"{JOBS}/{job}", sacct="true") == {job} & expected
    assert await seen(site, f"{JOBS}/4", sacct="true") == ended


async def test_staff_see_all(narrowed):
    site = await narrowed(Visibility.OWN)
    assert len((await site.get(JOBS, "yellow:staff1")).json()["output"]) == 3
    assert len((await site.get(f"{JOBS}/{FOREIGN}", "yellow:staff1")).json()["output"]) == 1
