"""What becomes of submissions when hours are used up: refused or warned, with words that say who must act."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from superfacility.facility.accounting.allocations import HoursAllocation, Share, WhenExhausted
from superfacility.facility.accounting.charges import Charge, HoursKind, NodeType, Rate
from superfacility.facility.people import Project, ProjectName, Role, UserName
from superfacility.testing.stores import MemoryAllocations, MemoryLedger
from superfacility.testing.tokens import key_pair

M0001, M0002 = ProjectName("m0001"), ProjectName("m0002")
DEMO1 = UserName("demo1")
SUBMIT = "/compute/jobs/perlmutter"


@pytest.fixture
def hours(site):
    return MemoryAllocations(site.memory)


@pytest.fixture
async def exhausted(site, hours):
    """m0001 has used its 100 hours, the rule is to block."""
    await spend(site, 100.0)
    await hours.set_rule(M0001, WhenExhausted.BLOCK, site.audit())
    return site


async def spend(site, amount, user="demo1", project="m0001", kind=HoursKind.CPU, job="1"):
    now = site.clock.now()
    charge = Charge("perlmutter", job, now, project, user, amount, now, kind)
    await MemoryLedger(site.memory).record([charge])


async def submit(site, lines="", *, key=None, user="demo1", **form):
    headers = {"Idempotency-Key": key} if key else {}
    body = {"job": f"#!/bin/sh\n{lines}\n", "isPath": "false", **form}
    answer = await site.call("POST", SUBMIT, f"red:{user}", data=body, headers=headers)
    assert answer.status_code == 200
    return answer.json()


async def test_a_project_without_hours_left_is_refused_in_the_contracts_way(exhausted):
    refused = await submit(exhausted)
    assert list(refused) == ["task_id", "status", "error"]
    assert (refused["task_id"], refused["status"]) == ("", "ERROR")
    for words in ("m0001 has used 100.0 of its 100 CPU hours", "PI", "staff", "#SBATCH --account", "sfapi balance"):
        assert words in refused["error"]
    assert not exhausted.memory.tasks


async def test_a_warning_reaches_its_user(site):
    await spend(site, 100.0)
    accepted = await submit(site)
    assert accepted["status"] == "OK"
    assert "m0001 has used 100.0 of its 100 CPU hours" in accepted["warning"]
    async with site.working():
        task = await site.result(accepted["task_id"])
    assert '"warning": "The project m0001 has used' in task["result"].replace('":"', '": "')


async def test_with_hours_left_the_answer_is_the_contracts(site):
    await spend(site, 99.9)
    assert list(await submit(site)) == ["task_id", "status", "error"]


async def test_who_does_not_count_hours_is_not_bothered(exhausted, hours):
    await hours.set_rule(M0001, WhenExhausted.IGNORE, exhausted.audit())
    assert list(await submit(exhausted)) == ["task_id", "status", "error"]
    assert (await submit(exhausted, user="demo2"))["status"] == "OK"


async def test_a_submission_that_was_accepted_stays_so(site, hours):
    first = await submit(site, key="once")
    await spend(site, 100.0)
    await hours.set_rule(M0001, WhenExhausted.BLOCK, site.audit())
    assert await submit(site, key="once") == first
    assert (await submit(site, key="twice"))["status"] == "ERROR"


async def test_another_project_can_be_named(exhausted):
    await exhausted.people.save_project(Project(0, M0002), exhausted.audit(), new=True)
    await exhausted.people.set_membership(M0002, DEMO1, Role.USER, exhausted.audit())
    assert (await submit(exhausted, "#SBATCH --account=m0002"))["status"] == "OK"
    assert (await submit(exhausted, "#SBATCH --account=m0001"))["status"] == "ERROR"
    assert (await submit(exhausted, "#SBATCH --account=m9999"))["status"] == "ERROR"
    assert (await submit(exhausted, job="/home/demo1/job.sh", isPath="true"))["status"] == "OK"
    closed = await exhausted.people.project(M0002)
    await exhausted.people.save_project(replace(closed, active=False), exhausted.audit())
    assert (await submit(exhausted, job="/home/demo1/job.sh", isPath="true"))["status"] == "ERROR"
    closed = await submit(exhausted, "#SBATCH --account=m0002")
    assert "m0002 is closed" in closed["warning"]


async def test_a_bound_clients_script_is_of_its_project_alone_and_is_not_read_for_it(exhausted):
    await exhausted.people.save_project(Project(0, M0002), exhausted.audit(), new=True)
    await exhausted.people.set_membership(M0002, DEMO1, Role.USER, exhausted.audit())
    exhausted.transport.faults.unavailable = True
    form = {"name": "camera", "level": "red", "ranges": ["mine"], "public_key": key_pair("ES256")[1]}
    for project, status in (("m0001", "ERROR"), ("m0002", "OK")):
        made = await exhausted.call("POST", "/account/clients", "red:demo1:login", json=form | {"project": project})
        body = {"job": f"/project/{project}/job.sh", "isPath": "true"}
        answer = await exhausted.call("POST", SUBMIT, f"client:{made.json()['id']}", data=body)
        assert answer.json()["status"] == status, answer.text


async def test_a_time_that_is_over(site, hours):
    (given,) = await hours.standings([M0001])
    yesterday = site.clock.now().date() - timedelta(days=1)
    await hours.change(replace(given.allocation, ends=yesterday), site.audit())
    await hours.set_rule(M0001, WhenExhausted.BLOCK, site.audit())
    refused = await submit(site)
    assert f"m0001 has no CPU hours for {yesterday + timedelta(days=1)}" in refused["error"]
    following = HoursAllocation(0, M0001, HoursKind.CPU, 10.0, begins=yesterday + timedelta(days=1))
    await hours.add(following, site.audit())
    assert (await submit(site))["status"] == "OK"


async def test_a_share_that_is_used(site, hours):
    await hours.set_rule(M0001, WhenExhausted.BLOCK, site.audit())
    await hours.set_share(Share(M0001, HoursKind.CPU, DEMO1, percent=10.0), site.audit())
    await spend(site, 50.0, user="demo2")
    await spend(site, 9.0, job="2")
    assert (await submit(site))["status"] == "OK"
    await spend(site, 1.0, job="3")
    refused = await submit(site)
    assert "You have used 10.0 of the 10 CPU hours" in refused["error"]
    assert "resource manager" in refused["error"]


async def test_what_is_free_stays_allowed_and_kinds_are_apart(exhausted, hours):
    facility = exhausted.services.compute.facility
    gpu = NodeType("gpu", 64, 4, kind=HoursKind.GPU, with_gpus=True)
    rate = Rate(128, qos_factors={"free": 0.0}, node_types=(gpu,), default_qos="")
    facility.systems["perlmutter"] = replace(facility.systems["perlmutter"], rate=rate)
    assert (await submit(exhausted, "#SBATCH --qos=free"))["status"] == "OK"
    assert (await submit(exhausted, "#SBATCH --qos=debug"))["status"] == "ERROR"
    assert (await submit(exhausted, "#SBATCH --gpus=1"))["status"] == "OK"
    await hours.add(HoursAllocation(0, M0001, HoursKind.GPU, 0.0, ends=date(2999, 1, 1)), exhausted.audit())
    assert "GPU hours" in (await submit(exhausted, "#SBATCH --gpus=1"))["error"]
    facility.systems["perlmutter"] = replace(
        facility.systems["perlmutter"], rate=replace(rate, qos_factors={"free": 0.0}, default_qos="free")
    )
    assert (await submit(exhausted))["status"] == "OK"
