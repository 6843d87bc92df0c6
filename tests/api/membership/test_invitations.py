"""Invitations: sent, shown once, accepted once, by who is meant."""

import asyncio
from datetime import timedelta

import pytest

from superfacility.facility.people import Role, User, UserName

P = "/projects/m0001"
NAMES = dict(zip(Role, ("demo1", "proxy", "resources", "people", "user"), strict=True))


async def invited(team, who="people", **form):
    return await team.made("POST", f"{P}/invitations", who, form)


async def test_by_user_name(team):
    made = await invited(team, user="newcomer")
    assert (made["user"], made["email"], made["role"], made["outcome"]) == ("newcomer", None, "user", "open")
    (mail,) = await team.mails()
    assert mail == ("New.Comer@example.org", "Example: Invitation to the project m0001")
    (mine,) = await team.made("GET", "/invitations", "newcomer")
    assert (mine["id"], mine["project"], mine["invited_by"]) == (made["id"], "m0001", "people")
    assert "token" not in mine
    accepted = await team.made("POST", "/invitations/accept", "newcomer", {"id": made["id"]})
    assert (accepted["outcome"], accepted["ended_by"]) == ("accepted", "newcomer")
    assert (await team.roles())["newcomer"] == "user"
    assert await team.made("GET", "/invitations", "newcomer") == []
    assert {recipient for recipient, _ in await team.mails()} == {"demo1@example.org", "proxy@example.org"}
    assert team.audited() == [
        ("people", "members.invite", "m0001"),
        ("newcomer", "members.accept_invitation", "m0001"),
    ]


async def test_by_the_mail_address_that_the_directory_has(team):
    made = await invited(team, email=" new.comer@EXAMPLE.org ")
    assert made["email"] == "new.comer@example.org"
    assert await team.mails() == [("new.comer@example.org", "Example: Invitation to the project m0001")]
    assert [each["id"] for each in await team.made("GET", "/invitations", "newcomer")] == [made["id"]]
    assert await team.made("GET", "/invitations", "demo2") == []
    assert (await team.call("POST", "/invitations/accept", "demo2", {"id": made["id"]})).status_code == 404
    await team.made("POST", "/invitations/accept", "newcomer", {"id": made["id"]})
    assert (await team.roles())["newcomer"] == "user"


async def test_who_has_no_address_sees_no_invitation_by_mail(team):
    """An empty address is nobody's."""
    await invited(team, email="x@example.org")
    await team.site.people.save_user(User(0, UserName("newcomer"), email=""), team.site.audit())
    assert await team.made("GET", "/invitations", "newcomer") == []


async def test_a_token_is_told_once_and_kept_as_a_digest(team):
    made = await invited(team, email="ada@example.org")
    assert made["token"].startswith("inv_")
    assert len(made["token"]) > 40
    (shown,) = await team.made("GET", f"{P}/invitations", "demo1")
    assert "token" not in shown
    memory = team.site.memory
    assert made["token"] not in repr((memory.invitations, memory.audit))
    (kept,) = memory.invitations.values()
    assert kept.digest not in repr(kept)
    taken = await team.made("POST", "/invitations/accept", "newcomer", {"token": made["token"]})
    assert (taken["email"], taken["ended_by"]) == ("ada@example.org", "newcomer")
    assert (await team.call("POST", "/invitations/accept", "demo2", {"token": made["token"]})).status_code == 409


async def test_a_token_of_an_invitation_by_name_is_good_for_that_user_alone(team):
    made = await invited(team, user="newcomer")
    for verb in ("accept", "decline"):
        assert (await team.call("POST", f"/invitations/{verb}", "demo2", {"token": made["token"]})).status_code == 404
    await team.made("POST", "/invitations/accept", "newcomer", {"token": made["token"]})


async def test_of_many_that_accept_at_a_time_one_does(team):
    token = (await invited(team, email="ada@example.org"))["token"]
    people = ("newcomer", "other", "asking", "demo2", "newcomer", "other")
    accepting = (team.call("POST", "/invitations/accept", who, {"token": token}) for who in people)
    answers = await asyncio.gather(*accepting)
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409, 409, 409]
    assert len(await team.roles()) == 6
    assert [action for _, action, _ in team.audited()].count("members.accept_invitation") == 1


async def test_declined_is_over_and_its_maker_is_told(team):
    made = await invited(team, user="newcomer")
    await team.mails()
    declined = await team.made("POST", "/invitations/decline", "newcomer", {"id": made["id"]})
    assert declined["outcome"] == "declined"
    assert [recipient for recipient, _ in await team.mails()] == ["people@example.org"]
    assert (await team.call("POST", "/invitations/accept", "newcomer", {"id": made["id"]})).status_code == 409
    assert "newcomer" not in await team.roles()
    again = await invited(team, user="newcomer")
    assert again["id"] != made["id"]


async def test_withdrawn_is_over(team):
    made = await invited(team, user="newcomer")
    gone = await team.made("DELETE", f"{P}/invitations/{made['id']}", "proxy")
    assert (gone["outcome"], gone["ended_by"]) == ("withdrawn", "proxy")
    assert (await team.call("POST", "/invitations/accept", "newcomer", {"token": made["token"]})).status_code == 409
    assert (await team.call("DELETE", f"{P}/invitations/{made['id']}", "proxy")).status_code == 409
    assert await team.made("GET", "/invitations", "newcomer") == []


async def test_another_projects_invitation_is_not_withdrawn(team):
    made = await invited(team, user="newcomer")
    path = f"/projects/m0002/invitations/{made['id']}"
    assert (await team.call("DELETE", path, "demo2")).status_code == 404
    assert [each["id"] for each in await team.made("GET", "/invitations", "newcomer")] == [made["id"]]


async def test_it_expires(team):
    made = await invited(team, user="newcomer", days=1)
    team.site.clock.advance(timedelta(days=1))
    assert (await team.call("POST", "/invitations/accept", "newcomer", {"id": made["id"]})).status_code == 409
    assert await team.made("GET", "/invitations", "newcomer") == []
    (shown,) = await team.made("GET", f"{P}/invitations", "people")
    assert shown["outcome"] == "expired"


@pytest.mark.parametrize("role", Role)
async def test_what_role_an_invitation_may_have(team, role):
    allowed = {
        "demo1": set(Role),
        "proxy": set(Role) - {Role.PI},
        "people": {Role.USER},
    }
    for number, (who, roles) in enumerate(allowed.items()):
        form = {"email": f"{number}@example.org", "role": role}
        answer = await team.call("POST", f"{P}/invitations", who, form)
        assert answer.status_code == (201 if role in roles else 403)


async def test_who_invited_must_still_be_allowed_to(team):
    high = await invited(team, "proxy", user="newcomer", role="pi_proxy")
    await team.made("PATCH", f"{P}/members/proxy", "demo1", {"role": "membership_manager"})
    refused = await team.call("POST", "/invitations/accept", "newcomer", {"id": high["id"]})
    assert refused.status_code == 409
    assert "proxy may not invite" in refused.json()["detail"]
    await team.made("PATCH", f"{P}/members/proxy", "demo1", {"role": "pi_proxy"})
    await team.made("POST", "/invitations/accept", "newcomer", {"id": high["id"]})
    low = await invited(team, "people", user="other")
    await team.made("DELETE", f"{P}/members/people", "demo1")
    assert (await team.call("POST", "/invitations/accept", "other", {"token": low["token"]})).status_code == 409
    outcomes = [each["outcome"] for each in await team.made("GET", f"{P}/invitations", "demo1")]
    assert sorted(outcomes) == ["accepted", "withdrawn"]


async def test_staff_invite_where_they_are_no_member(team):
    made = await invited(team, "staff1", user="newcomer", role="pi")
    await team.made("POST", "/invitations/accept", "newcomer", {"id": made["id"]})
    assert (await team.roles())["newcomer"] == "pi"


async def test_to_a_closed_project_nobody_comes(team):
    made = await invited(team, user="newcomer")
    await team.site.services.people.change_project("m0001", "operator:test", active=False)
    assert await team.made("GET", "/invitations", "newcomer") == []
    assert (await team.call("POST", "/invitations/accept", "newcomer", {"id": made["id"]})).status_code == 409


async def test_who_is_a_member_meanwhile_keeps_their_role(team):
    made = await invited(team, email="user@example.org")
    assert (await team.call("POST", "/invitations/accept", "user", {"token": made["token"]})).status_code == 409
    assert (await team.roles())["user"] == "user"
    await team.made("POST", "/invitations/accept", "newcomer", {"token": made["token"]})


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({}, 422),
        ({"user": "newcomer", "email": "x@example.org"}, 422),
        ({"user": "ghost"}, 404),
        ({"user": "user"}, 409),
        ({"email": "no address"}, 422),
        ({"email": "x@example.org\r\nBcc: all@example.org"}, 422),
        ({"email": "Ada <x@example.org>"}, 422),
        ({"email": "a@example.org,b@example.org"}, 422),
        ({"user": "newcomer", "days": 15}, 422),
        ({"user": "newcomer", "days": 0}, 422),
        ({"user": "newcomer", "role": "owner"}, 422),
    ],
)
async def test_what_is_wrong_is_refused_and_nothing_is_sent(team, form, status):
    answer = await team.call("POST", f"{P}/invitations", "demo1", form)
    assert answer.status_code == status, answer.text
    assert team.audited() == []
    assert await team.mails() == []


@pytest.mark.parametrize("claim", [{}, {"id": "x", "token": "y"}, {"id": "x" * 101}, {"token": "y" * 201}])
async def test_a_claim_is_by_id_or_by_token(team, claim):
    assert (await team.call("POST", "/invitations/accept", "newcomer", claim)).status_code == 422


async def test_a_day_has_so_many(team):
    for number in range(50):
        await invited(team, "demo1", email=f"{number}@example.org")
    answer = await team.call("POST", f"{P}/invitations", "demo1", {"email": "x@example.org"})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0
    team.site.clock.advance(timedelta(days=1))
    await invited(team, "demo1", email="x@example.org")
