"""Requests to join: asked by anybody, decided by who may accept."""

from datetime import timedelta

import pytest

from superfacility.facility.people import User, UserName

P = "/projects/m0001"


async def asked(team, who="newcomer", project="m0001", message="please"):
    return await team.made("POST", f"/projects/{project}/requests", who, {"message": message})


async def test_asked_and_accepted(team):
    made = await asked(team)
    assert (made["project"], made["user"], made["message"], made["outcome"]) == ("m0001", "newcomer", "please", "open")
    assert {recipient for recipient, _ in await team.mails()} == {"demo1@example.org", "proxy@example.org"}
    (seen,) = await team.made("GET", f"{P}/requests", "proxy")
    assert (seen["id"], seen["email"]) == (made["id"], "New.Comer@example.org")
    accepted = await team.made("POST", f"{P}/requests/{made['id']}", "proxy", {"accept": True})
    assert (accepted["outcome"], accepted["ended_by"]) == ("accepted", "proxy")
    assert (await team.roles())["newcomer"] == "user"
    assert {recipient for recipient, _ in await team.mails()} == {"New.Comer@example.org", "demo1@example.org"}
    (mine,) = await team.made("GET", "/join_requests", "newcomer")
    assert mine["outcome"] == "accepted"
    assert (await team.call("POST", f"{P}/requests/{made['id']}", "demo1", {"accept": False})).status_code == 409
    assert team.audited() == [
        ("newcomer", "members.ask_to_join", "m0001"),
        ("proxy", "members.accept_request", "m0001"),
    ]


async def test_after_a_no_one_waits_a_week(team):
    made = await asked(team)
    await team.mails()
    await team.made("POST", f"{P}/requests/{made['id']}", "demo1", {"accept": False})
    assert [recipient for recipient, _ in await team.mails()] == ["New.Comer@example.org"]
    assert "newcomer" not in await team.roles()
    again = await team.call("POST", f"{P}/requests", "newcomer", {})
    assert again.status_code == 409
    assert "ask again on" in again.json()["detail"]
    team.site.clock.advance(timedelta(days=7))
    await asked(team)


async def test_withdrawn_by_who_asked_alone(team):
    made = await asked(team)
    assert (await team.call("DELETE", f"/join_requests/{made['id']}", "demo1")).status_code == 404
    gone = await team.made("DELETE", f"/join_requests/{made['id']}", "newcomer")
    assert gone["outcome"] == "withdrawn"
    assert (await team.call("POST", f"{P}/requests/{made['id']}", "demo1", {"accept": True})).status_code == 409
    assert "newcomer" not in await team.roles()


async def test_another_projects_request_is_not_decided(team):
    made = await asked(team)
    answer = await team.call("POST", f"/projects/m0002/requests/{made['id']}", "demo2", {"accept": True})
    assert answer.status_code == 404
    assert await team.roles("m0002") == {"demo2": "pi"}


async def test_it_expires(team):
    made = await asked(team)
    team.site.clock.advance(timedelta(days=30))
    assert (await team.call("POST", f"{P}/requests/{made['id']}", "demo1", {"accept": True})).status_code == 409
    (mine,) = await team.made("GET", "/join_requests", "newcomer")
    assert mine["outcome"] == "expired"


async def test_whether_a_project_exists_is_not_told(team):
    """Nor is a mail sent for one that is closed."""
    await team.site.services.people.change_project("m0002", "operator:test", active=False)
    told = [await asked(team, project=name) for name in ("m0001", "m0002", "m9999")]
    assert len({str({**each, "id": "", "project": ""}) for each in told}) == 1
    mails = await team.mails()
    assert {recipient for recipient, _ in mails} == {"demo1@example.org", "proxy@example.org"}
    assert len(await team.made("GET", "/join_requests", "newcomer")) == 3


async def test_who_is_added_by_another_way_waits_no_more(team):
    made = await asked(team)
    await team.made("POST", f"{P}/members", "people", {"user": "newcomer"})
    (seen,) = await team.made("GET", f"{P}/requests", "demo1")
    assert (seen["id"], seen["outcome"], seen["ended_by"]) == (made["id"], "accepted", "people")


async def test_who_has_left_the_facility_is_not_accepted(team):
    made = await asked(team)
    await team.site.people.save_user(User(0, UserName("newcomer"), active=False), team.site.audit())
    assert (await team.call("POST", f"{P}/requests/{made['id']}", "demo1", {"accept": True})).status_code == 409


async def test_a_day_has_so_many(team):
    for number in range(10):
        await asked(team, project=f"m1{number:03}")
    answer = await team.call("POST", f"{P}/requests", "newcomer", {})
    assert answer.status_code == 429
    await asked(team, "other")


@pytest.mark.parametrize(
    ("project", "form", "who", "status"),
    [
        ("m0001", {}, "user", 409),
        ("m0001", {"message": "x" * 501}, "newcomer", 422),
        ("m0001", {"message": "two\nlines"}, "newcomer", 422),
        ("m0001", {"message": "\u202eevil"}, "newcomer", 422),
        ("-m", {}, "newcomer", 422),
        ("m" * 65, {}, "newcomer", 422),
    ],
)
async def test_what_is_wrong_is_refused(team, project, form, who, status):
    answer = await team.call("POST", f"/projects/{project}/requests", who, form)
    assert answer.status_code == status
    assert team.audited() == []


async def test_nobody_asks_twice(team):
    await asked(team)
    assert (await team.call("POST", f"{P}/requests", "newcomer", {})).status_code == 409
