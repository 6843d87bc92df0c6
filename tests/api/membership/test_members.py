"""Members come, rise, fall and go; nobody beyond their role."""

import asyncio
from itertools import product

import pytest

from superfacility.facility.membership.permissions import Permission, gives, may, outranks
from superfacility.facility.people import ProjectName, Role, User, UserName

NAMES = dict(zip(Role, ("demo1", "proxy", "resources", "people", "user"), strict=True))
P = "/projects/m0001"


async def test_members_are_shown_to_members(team):
    found = await team.made("GET", f"{P}/members", "user")
    assert [(each["user"], each["role"], each["continuing"]) for each in found] == [
        ("demo1", "pi", False),
        ("people", "membership_manager", False),
        ("proxy", "pi_proxy", False),
        ("resources", "resource_manager", False),
        ("user", "user", False),
    ]
    assert found[0]["email"] == "demo1@example.org"


async def test_a_member_comes_is_marked_and_goes(team):
    made = await team.made("POST", f"{P}/members", "people", {"user": "newcomer"})
    assert (made["user"], made["role"], made["continuing"]) == ("newcomer", "user", False)
    marked = await team.made("PATCH", f"{P}/members/newcomer", "people", {"continuing": True})
    assert marked["continuing"] is True
    raised = await team.made("PATCH", f"{P}/members/newcomer", "demo1", {"role": "pi_proxy"})
    assert (raised["role"], raised["continuing"]) == ("pi_proxy", True)
    gone = await team.made("DELETE", f"{P}/members/newcomer", "demo1")
    assert gone == {"user": "newcomer", "removed": True}
    assert "newcomer" not in await team.roles()
    assert team.audited() == [
        ("people", "members.add", "m0001"),
        ("people", "members.change", "m0001"),
        ("demo1", "members.change", "m0001"),
        ("demo1", "members.remove", "m0001"),
    ]


async def test_who_it_is_about_and_the_heads_are_told(team):
    await team.made("POST", f"{P}/members", "demo1", {"user": "newcomer"})
    expected = {"New.Comer@example.org", "proxy@example.org"}
    assert {recipient for recipient, _ in await team.mails()} == expected
    await team.made("PATCH", f"{P}/members/newcomer", "demo1", {"continuing": True})
    assert await team.mails() == []
    await team.made("DELETE", f"{P}/members/newcomer", "newcomer")
    assert {recipient for recipient, _ in await team.mails()} == {"demo1@example.org", "proxy@example.org"}


@pytest.mark.parametrize(
    "caller", ["red:demo1", "orange:demo1", "orange:demo1:login:gateway", "red:demo1:login:gateway"]
)
async def test_a_program_raises_somebody_only_at_the_highest_level(team, caller):
    """Whoever is PI can make red clients: an orange key must not be worth as much."""
    allowed = caller == "red:demo1"

    async def status(method, path, body):
        return (await team.site.call(method, f"/account{path}", caller, json=body)).status_code

    assert await status("POST", f"{P}/members", {"user": "newcomer"}) == 201
    raised = await status("PATCH", f"{P}/members/newcomer", {"role": "pi"})
    added = await status("POST", f"{P}/members", {"user": "other", "role": "membership_manager"})
    invited = await status("POST", f"{P}/invitations", {"user": "asking", "role": "pi_proxy"})
    assert (raised, added, invited) == ((200, 201, 201) if allowed else (403, 403, 403))
    assert (await team.roles())["newcomer"] == ("pi" if allowed else "user")
    assert await status("PATCH", f"{P}/members/people", {"role": "user"}) == 200


@pytest.mark.parametrize(("actor", "given"), [*product(Role, Role)])
async def test_nobody_gives_more_than_their_role_may(team, actor, given):
    allowed = may(actor, Permission.EDIT_MEMBERS) and gives(actor, given)
    answer = await team.call("POST", f"{P}/members", NAMES[actor], {"user": "newcomer", "role": given})
    assert answer.status_code == (201 if allowed else 403)
    assert ("newcomer" in await team.roles()) == allowed


@pytest.mark.parametrize(("actor", "known", "given"), [*product(Role, Role, Role)])
async def test_nobody_changes_an_equal_or_raises_above_themselves(team, actor, known, given):
    await team.site.people.set_membership(ProjectName("m0001"), UserName("newcomer"), known, team.site.audit())
    allowed = may(actor, Permission.CHANGE_ROLES) and gives(actor, given) and (known is given or outranks(actor, known))
    answer = await team.call("PATCH", f"{P}/members/newcomer", NAMES[actor], {"role": given})
    assert answer.status_code == (200 if allowed else 403), answer.text
    assert (await team.roles())["newcomer"] == (given if allowed else known)


@pytest.mark.parametrize(("actor", "known"), [*product(Role, Role)])
async def test_nobody_removes_an_equal(team, actor, known):
    await team.site.people.set_membership(ProjectName("m0001"), UserName("newcomer"), known, team.site.audit())
    allowed = may(actor, Permission.EDIT_MEMBERS) and outranks(actor, known)
    answer = await team.call("DELETE", f"{P}/members/newcomer", NAMES[actor])
    assert answer.status_code == (200 if allowed else 403)
    assert ("newcomer" in await team.roles()) != allowed


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.PI])
async def test_everybody_may_leave(team, role):
    await team.made("DELETE", f"{P}/members/{NAMES[role]}", NAMES[role])
    assert NAMES[role] not in await team.roles()
    assert (await team.call("GET", P, NAMES[role])).status_code == 404


async def test_the_last_pi_stays_whoever_asks(team):
    for who in ("demo1", "staff1"):
        assert (await team.call("DELETE", f"{P}/members/demo1", who)).status_code == 409
        assert (await team.call("PATCH", f"{P}/members/demo1", who, {"role": "user"})).status_code == 409
    await team.made("PATCH", f"{P}/members/proxy", "demo1", {"role": "pi"})
    assert (await team.call("DELETE", f"{P}/members/proxy", "demo1")).status_code == 403
    await team.made("PATCH", f"{P}/members/demo1", "demo1", {"role": "user"})
    assert (await team.roles())["demo1"] == "user"
    assert (await team.call("DELETE", f"{P}/members/proxy", "proxy")).status_code == 409


async def test_a_removed_member_loses_the_groups_and_what_the_project_owns(team):
    gateway = {"name": "Gateway", "level": "green", "device": True, "project": "m0001"}
    made = await team.site.call("POST", "/account/applications", "red:proxy:login", json=gateway)
    path = f"/applications/{made.json()['id']}"
    await team.made("POST", "/groups", "proxy", {"name": "g0001", "repo_name": "m0001"})
    await team.made("DELETE", f"{P}/members/proxy", "demo1")
    assert (await team.made("GET", "/groups", "proxy"))["groups"] == []
    assert (await team.call("GET", "/groups/g0001", "proxy")).status_code == 404
    assert (await team.call("GET", path, "proxy")).status_code == 404
    assert await team.made("GET", "/applications", "proxy") == []
    assert (await team.call("GET", path, "demo1")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/members", {"user": "ghost"}, 404),
        ("POST", "/members", {"user": "user"}, 409),
        ("POST", "/members", {"user": "newcomer", "role": "owner"}, 422),
        ("POST", "/members", {}, 422),
        ("PATCH", "/members/newcomer", {"role": "user"}, 404),
        ("PATCH", "/members/ghost", {"role": "user"}, 404),
        ("PATCH", "/members/user", {}, 422),
        ("DELETE", "/members/newcomer", None, 404),
        ("DELETE", "/members/ghost", None, 404),
        ("PATCH", "", {}, 422),
        ("PATCH", "", {"title": "x" * 201}, 422),
        ("PATCH", "", {"title": "two\nlines"}, 422),
        ("PATCH", "", {"about": "bell \a"}, 422),
        ("PATCH", "/quotas", {"project_bytes": 1}, 403),
    ],
)
async def test_what_cannot_be_done_is_refused_and_leaves_nothing(team, method, path, body, status):
    answer = await team.call(method, P + path, "demo1", body)
    assert answer.status_code == status, answer.text
    assert team.audited() == []


async def test_somebody_who_has_left_the_facility_is_not_added(team):
    await team.site.people.save_user(User(0, UserName("newcomer"), active=False), team.site.audit())
    assert (await team.call("POST", f"{P}/members", "demo1", {"user": "newcomer"})).status_code == 404


async def test_of_two_pis_that_remove_themselves_at_a_time_one_stays(team):
    await team.made("PATCH", f"{P}/members/proxy", "demo1", {"role": "pi"})
    leaving = (team.call("DELETE", f"{P}/members/{who}", who) for who in ("demo1", "proxy"))
    answers = await asyncio.gather(*leaving)
    assert sorted(each.status_code for each in answers) == [200, 409]
    assert list((await team.roles()).values()).count("pi") == 1


async def test_details_are_changed_one_by_one(team):
    before = await team.made("GET", P, "user")
    await team.made("PATCH", P, "proxy", {"title": "Imaging", "about": "Welcome.\nRead the wiki."})
    after = await team.made("PATCH", P, "demo1", {"organisation": " An institute "})
    changed = {"title": "Imaging", "about": "Welcome.\nRead the wiki.", "organisation": "An institute"}
    assert await team.made("GET", P, "user") == {**before, **changed}
    assert after["description"] == "Demonstration"
    assert (await team.made("PATCH", P, "demo1", {"description": ""}))["description"] == ""


async def test_quotas_are_set_by_staff_and_show_in_balances(team):
    found = await team.made("PATCH", f"{P}/quotas", "staff1", {"project_bytes": 2048, "archive_bytes": -1})
    assert (found["project_bytes"], found["archive_bytes"]) == (2048, None)
    (balance,) = await team.made("GET", "/projects", "demo1")
    assert balance["projdir_usage"][0]["bytes_given"] == 2048.0
    assert team.audited() == [("staff1", "projects.set_quotas", "m0001")]
    for role in Role:
        assert (await team.call("PATCH", f"{P}/quotas", NAMES[role], {"project_bytes": 1})).status_code == 403


async def test_a_closed_project_is_known_to_staff_alone(team):
    project = await team.site.services.people.change_project("m0001", "operator:test", active=False)
    assert not project.active
    assert (await team.call("GET", P, "demo1")).status_code == 404
    assert (await team.made("GET", P, "staff1"))["active"] is False
