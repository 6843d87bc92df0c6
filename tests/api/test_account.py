"""`/account`: user, projects, roles, groups, clients, and jobs of a project."""

from datetime import datetime, timedelta

import pytest

from superfacility.facility.jobs import JobState
from superfacility.facility.membership.permissions import Permission, may
from superfacility.facility.people import ProjectName, Role
from superfacility.oauth.scopes import SecurityLevel
from superfacility.testing.tokens import Program

USER_KEYS = ["uid", "name", "firstname", "lastname", "middlename", "workphone", "otherPhones", "email"]
"""In this order: some clients read records by position."""


async def test_user(site):
    for path in ("/account", "/account/"):
        user = (await site.get(path, "green:demo1")).json()
        assert list(user) == USER_KEYS
        assert (user["uid"], user["name"]) == (1001, "demo1")
        assert None not in user.values()
    other = await site.get("/account", "green:demo1", params={"username": "demo2"})
    assert other.json()["uid"] == 1002
    assert (await site.get("/account?username=nobody", "green:demo1")).status_code == 404


async def test_hours_follow_the_accounting(site):
    site.scheduler.add("1", state=JobState.COMPLETED, cpus=1)
    site.scheduler.add("2", state=JobState.RUNNING)
    system = site.services.compute.facility.system("perlmutter")
    assert await site.services.charges.collect(system) == 1
    assert await site.services.charges.collect(system) == 0
    (project,) = (await site.get("/account/projects", "green:demo1")).json()
    assert project["repo_name"] == "m0001"
    assert (project["hours_given"], project["hours_used"], project["project_hours_used"]) == (100.0, 1.0, 1.0)
    assert all(isinstance(value, float) for key, value in project.items() if "hours" in key)
    assert project["projdir_usage"][0]["bytes_given"] == float(1 << 30)
    assert (await site.get("/account/projects", "green:demo2")).json() == []


async def test_roles(site):
    (role,) = (await site.get("/account/roles", "green:demo1")).json()
    assert (role["repo_name"], role["iris_role"]) == ("m0001", "pi")


async def test_jobs_of_a_project_are_for_its_members(site):
    site.scheduler.add("1", state=JobState.COMPLETED, project=ProjectName("m0001"))
    site.scheduler.add("2", "demo2", state=JobState.COMPLETED, project=ProjectName("m9999"))
    site.scheduler.add("3", state=JobState.COMPLETED)
    site.scheduler.add("4", "demo2", state=JobState.COMPLETED)
    answer = await site.get("/account/projects/m0001/jobs", "green:demo1")
    assert [row["jobid"] for row in answer.json()["output"]] == ["1", "3"]
    assert (await site.get("/account/projects/m0001/jobs", "green:demo2")).status_code == 404
    assert (await site.get("/account/projects/m9999/jobs", "green:demo1")).status_code == 404
    site.clock.advance(timedelta(days=40))
    assert (await site.get("/account/projects/m0001/jobs", "green:demo1")).json()["output"] == []
    for bounds in (["starttime=now-60days"], ["jobid=1,3"]):
        answer = await site.get("/account/projects/m0001/jobs", "green:demo1", params={"kwargs": bounds})
        assert [row["jobid"] for row in answer.json()["output"]] == ["1", "3"]
    for wrong in ("account=m9999", "nonsense=1", "starttime=2001-01-01"):
        answer = await site.get("/account/projects/m0001/jobs", "green:demo1", params={"kwargs": wrong})
        assert (answer.json()["status"], answer.json()["output"]) == ("ERROR", [])


async def test_who_has_the_jobs_of_a_project_already_gets_none(site):
    path, name = "/account/projects/m0001/jobs", ProjectName("m0001")
    for job_id in ("1", "2"):
        site.scheduler.add(job_id, state=JobState.COMPLETED, project=name)
    first = await site.get(path, "green:demo1")
    assert set(first.json()) == {"status", "output", "error"}
    assert first.headers["cache-control"] == "no-cache, private"
    tag = {"If-None-Match": first.headers["etag"]}
    again = await site.get(path, "green:demo1", headers=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (await site.get(path, "green:demo2", headers=tag)).status_code == 404
    part = await site.get(path, "green:demo1", headers=tag, params={"index": 1})
    assert (part.status_code, [row["jobid"] for row in part.json()["output"]]) == (200, ["2"])
    wrong = await site.get(path, "green:demo1", headers={"If-None-Match": "*"}, params={"kwargs": "nonsense=1"})
    assert (wrong.json()["status"], "etag" in wrong.headers) == ("ERROR", False)
    site.scheduler.add("3", state=JobState.COMPLETED, project=name)
    site.clock.advance(timedelta(seconds=6))
    later = await site.get(path, "green:demo1", headers=tag)
    assert [row["jobid"] for row in later.json()["output"]] == ["1", "2", "3"]


async def test_many_jobs_of_a_project_are_compressed_for_those_who_take_it(site):
    for number in range(600):
        site.scheduler.add(str(number), state=JobState.COMPLETED, project=ProjectName("m0001"))
    path = "/account/projects/m0001/jobs"
    plain = await site.get(path, "green:demo1", headers={"Accept-Encoding": "identity"})
    packed = await site.get(path, "green:demo1", headers={"Accept-Encoding": "gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.json()["output"]) == 600
    assert packed.json() == plain.json()


async def create(site, name="g0001", project="m0001", token="orange:demo1"):
    return await site.call("POST", "/account/groups", token, data={"name": name, "repo_name": project})


async def test_groups(site):
    created = await create(site)
    expected = {"gid": created.json()["gid"], "name": "g0001", "users": [{"uid": 1001, "name": "demo1"}]}
    assert created.json() == expected
    assert (await site.get("/account/groups", "green:demo1")).json() == {"groups": [expected]}
    form = {"usernames": "demo2, demo1", "action": "batch_add", "group": "g0001"}
    changed = await site.call("PUT", "/account/groups/g0001", "orange:demo1", data=form)
    assert [each["name"] for each in changed.json()["users"]] == ["demo1", "demo2"]
    form = {"usernames": "demo1", "action": "batch_remove"}
    changed = await site.call("PUT", "/account/groups/g0001", "orange:demo1", data=form)
    assert [each["name"] for each in changed.json()["users"]] == ["demo2"]
    assert (await site.get("/account/groups/g0001", "green:demo2")).json() == changed.json()


async def test_unknown_users_are_named_and_nothing_changes(site):
    await create(site)
    form = {"usernames": "demo2,ghost", "action": "batch_add"}
    answer = await site.call("PUT", "/account/groups/g0001", "orange:demo1", data=form)
    assert answer.status_code == 404
    assert "ghost" in answer.json()["detail"]
    assert len((await site.get("/account/groups/g0001", "green:demo1")).json()["users"]) == 1


@pytest.mark.parametrize("usernames", ["", ",", "demo2," * 1001])
async def test_how_many_users_a_change_may_name(site, usernames):
    await create(site)
    form = {"usernames": usernames, "action": "batch_add"}
    assert (await site.call("PUT", "/account/groups/g0001", "orange:demo1", data=form)).status_code == 422


@pytest.mark.parametrize("name", ["", "ninechars", "grüppe", "a b", "-x", "1x", "root", "sudo", "Wheel", "docker"])
async def test_names_of_groups(site, name):
    assert (await create(site, name)).status_code == 422


async def test_who_may_create_groups(site):
    assert (await create(site, token="green:demo1")).status_code == 403
    assert (await create(site, token="orange:demo2")).status_code == 404
    await site.people.set_membership(ProjectName("m0001"), "demo2", Role.USER, site.audit())
    assert (await create(site, token="orange:demo2")).status_code == 403
    assert (await create(site)).status_code == 200
    assert (await create(site)).status_code == 409


async def test_groups_of_others_are_unknown(site):
    await create(site)
    assert (await site.get("/account/groups/g0001", "green:demo2")).status_code == 404
    assert (await site.get("/account/groups/g0001", "green:staff1")).status_code == 200
    assert (await site.get("/account/groups/none", "green:demo1")).status_code == 404


async def test_clients_show_when_they_expire(site):
    now = site.clock.now()
    program = Program("https://facility.example/oauth2/token")
    works = program.client("demo1", now, SecurityLevel.GREEN)
    await site.clients.save(works, site.audit(), new=True)
    (row,) = (await site.get("/account/clients", "green:demo1")).json()
    assert set(row) == {"name", "clientId", "expiresAt", "comments"}
    assert row["clientId"] == works.id
    expires = datetime.strptime(row["expiresAt"], "%Y-%m-%dT%H:%M:%S.%f%z")
    assert expires == works.expires_at
    site.clock.advance(works.expires_at - now + timedelta(seconds=1))
    assert (await site.get("/account/clients", "green:demo1")).json() == []


@pytest.mark.parametrize("role", Role)
async def test_groups_by_role(site, role):
    """Who may create groups and who may change their members is not the same."""
    await site.people.set_membership(ProjectName("m0001"), "demo2", role, site.audit())
    creates, edits = (may(role, each) for each in (Permission.CREATE_GROUPS, Permission.EDIT_MEMBERS))
    assert (await create(site)).status_code == 200
    assert (await create(site, "mine", token="orange:demo2")).status_code == (200 if creates else 403)
    form = {"usernames": "demo2", "action": "batch_add"}
    changed = await site.call("PUT", "/account/groups/g0001", "orange:demo2", data=form)
    assert changed.status_code == (200 if edits else 403)
    deleted = await site.call("DELETE", "/account/groups/g0001", "orange:demo2")
    assert deleted.status_code == (200 if creates else 403)
    assert (await site.get("/account/groups/g0001", "green:demo1")).status_code == (404 if creates else 200)


async def test_a_deleted_group_is_gone_and_told_as_it_was(site):
    created = (await create(site)).json()
    assert (await site.call("DELETE", "/account/groups/g0001", "orange:demo2")).status_code == 404
    deleted = await site.call("DELETE", "/account/groups/g0001", "orange:demo1")
    assert deleted.json() == created
    assert (await site.get("/account/groups", "green:demo1")).json() == {"groups": []}
    assert site.memory.audit[-1].action == "account.delete_group"


async def test_a_member_of_a_group_alone_changes_nothing(site):
    await create(site)
    form = {"usernames": "demo2", "action": "batch_add"}
    await site.call("PUT", "/account/groups/g0001", "orange:demo1", data=form)
    assert (await site.call("PUT", "/account/groups/g0001", "orange:demo2", data=form)).status_code == 403
    assert (await site.call("DELETE", "/account/groups/g0001", "orange:demo2")).status_code == 403
