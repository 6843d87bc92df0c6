"""`/account/client_requests`: what people ask of staff, and what staff say."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.people import ProjectName, Role, User, UserName
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.testing.tokens import key_pair

PRIVATE, PUBLIC = key_pair("ES256")
FORM = {
    "name": "night shift",
    "level": "red",
    "ranges": ["192.0.0.0/20", "mine"],
    "public_key": PUBLIC,
    "days": 30,
    "purpose": "To measure at night",
}
ME, OTHER, STAFF = "red:demo1:login", "red:demo2:login", "red:staff1:login"
REQUESTS = "/account/client_requests"

pytestmark = pytest.mark.usefixtures("mailbox")


async def ask(site, token=ME, **changes):
    answer = await site.call("POST", REQUESTS, token, json=FORM | changes)
    assert answer.status_code == 201, answer.text
    return answer.json()


def rules(site, **changes):
    own = site.services.own_clients
    object.__setattr__(own, "rules", replace(own.rules, **changes))


async def test_staff_approve_and_the_client_works(site, mailbox):
    asked = await ask(site)
    assert (asked["state"], asked["days"], asked["requester"], asked["user"]) == ("pending", 30, "demo1", "demo1")
    assert (await site.get(REQUESTS, "green:demo1")).json() == [asked]
    assert site.memory.clients == {}
    waiting = await site.get(REQUESTS, "green:staff1", params={"everybodys": "true", "state": "pending"})
    assert waiting.json() == [asked]
    site.clock.advance(timedelta(days=3))
    path = f"{REQUESTS}/{asked['id']}"
    approved = (await site.call("POST", f"{path}/approve", STAFF, json={"reason": "as planned"})).json()
    assert (approved["state"], approved["decided_by"], approved["reason"]) == ("approved", "staff1", "as planned")
    client = site.memory.clients[approved["client_id"]]
    assert client.expires_at == site.clock.now() + timedelta(days=30)
    assert client.ranges == ("192.0.0.0/20", "127.0.0.1/32")
    assert (await site.get("/account", f"client:{client.id}")).status_code == 200
    await site.services.notices.settle()
    assert [mail[0] for mail in mailbox.mails] == ["staff1@example.org", "demo1@example.org", "demo1@example.org"]
    assert f"sfapi client-requests approve {asked['id']}" in mailbox.mails[0][2]
    assert client.id in mailbox.mails[2][2]
    rows = [(row.action, row.actor) for row in site.memory.audit if row.action.startswith("client")]
    assert rows == [
        ("client_requests.ask", "demo1"),
        ("client_requests.approve", "staff1"),
        ("clients.create", "staff1"),
    ]
    assert "approved already" in await site.refusal("POST", f"{path}/refuse", STAFF, 409, reason="no")
    assert "approved already" in await site.refusal("DELETE", path, ME, 409)


async def test_staff_refuse_with_a_reason(site, mailbox):
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    assert "reason" in await site.refusal("POST", f"{path}/refuse", STAFF, 422)
    assert "Say why" in await site.refusal("POST", f"{path}/refuse", STAFF, 422, reason=" ")
    refused = (await site.call("POST", f"{path}/refuse", STAFF, json={"reason": "too wide"})).json()
    assert (refused["state"], refused["client_id"]) == ("refused", None)
    await site.services.notices.settle()
    assert "too wide" in mailbox.mails[-1][2]
    assert "refused already" in await site.refusal("POST", f"{path}/approve", STAFF, 409)
    assert site.memory.clients == {}


async def test_staff_may_give_less(site):
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    assert "30 days" in await site.refusal("POST", f"{path}/approve", STAFF, 422, days=31)
    approved = (await site.call("POST", f"{path}/approve", STAFF, json={"days": 7})).json()
    assert site.memory.clients[approved["client_id"]].lifetime == timedelta(days=7)


async def test_a_strict_and_bound_client_is_asked_for_and_given(site):
    asked = await ask(site, strict=True, dpop=True)
    assert (asked["strict"], asked["dpop"]) == (True, True)
    approved = (await site.call("POST", f"{REQUESTS}/{asked['id']}/approve", STAFF, json={})).json()
    client = site.memory.clients[approved["client_id"]]
    assert (client.strict, client.dpop) == (True, True)
    plain = await ask(site)
    assert (plain["strict"], plain["dpop"]) == (False, False)
    weak = {**key_pair("RS256")[1], "alg": "RS256"}
    assert "strict" in await site.refusal("POST", REQUESTS, ME, 422, **FORM | {"strict": True, "public_key": weak})


async def test_who_has_asked_may_withdraw(site):
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    assert (await site.call("DELETE", path, OTHER)).status_code == 404
    assert "refuse it" in await site.refusal("DELETE", path, STAFF, 403)
    assert (await site.call("DELETE", path, ME)).json()["state"] == "withdrawn"
    assert "withdrawn already" in await site.refusal("POST", f"{path}/approve", STAFF, 409)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"days": 31}, "30 days"),
        ({"ranges": ["10.0.0.0/15"]}, "too wide"),
        ({"ranges": ["0.0.0.0/0"]}, "too wide"),
        ({"ranges": ["2001:db8::/40"]}, "too wide"),
        ({"ranges": [f"192.0.2.{n}" for n in range(33)]}, "32 source ranges"),
        ({"purpose": " "}, "Say what"),
        ({"purpose": None}, "purpose"),
        ({"public_key": PRIVATE}, "private key"),
        ({"days": 2, "ranges": ["mine"]}, "yourself"),
        ({"state": "approved"}, "Unknown field"),
        ({"client_id": "x"}, "Unknown field"),
    ],
)
async def test_what_nobody_gives_or_needs_to_ask_for(site, changes, words):
    answer = await site.call("POST", REQUESTS, ME, json=FORM | changes)
    assert answer.status_code == 422
    assert words in str(answer.json()["detail"])
    assert site.memory.client_requests == {}


async def test_others_requests_are_unknown(site):
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    assert (await site.get(path, "green:demo2")).status_code == 404
    assert (await site.get(REQUESTS, "green:demo2")).json() == []
    assert "staff" in await site.refusal("GET", f"{REQUESTS}?everybodys=true", "green:demo2", 403)
    for verb in ("approve", "refuse"):
        assert "staff" in await site.refusal("POST", f"{path}/{verb}", OTHER, 403, reason="mine")
        assert "staff" in await site.refusal("POST", f"{path}/{verb}", ME, 403, reason="mine")


async def test_programs_neither_ask_nor_decide(site):
    """A stolen key of somebody of the staff approves nothing."""
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    for token in ("red:staff1", "red:staff1:login:gateway000001"):
        assert "for people" in await site.refusal("POST", f"{path}/approve", token, 403)
        assert "for people" in await site.refusal("POST", f"{path}/refuse", token, 403, reason="no")
    assert "for people" in await site.refusal("POST", REQUESTS, "red:demo1", 403, **FORM)
    assert "for people" in await site.refusal("DELETE", path, "red:demo1", 403)
    gateway = "green:staff1:login:gateway000001"
    assert (await site.get(REQUESTS, gateway, params={"everybodys": "true"})).status_code == 403


async def test_nobody_decides_their_own(site):
    path = f"{REQUESTS}/{(await ask(site, STAFF))['id']}"
    assert "operator" in await site.refusal("POST", f"{path}/approve", STAFF, 403)
    assert "Somebody else" in await site.refusal("POST", f"{path}/refuse", STAFF, 403, reason="no")
    rules(site, own_requests=True)
    assert (await site.call("POST", f"{path}/approve", STAFF, json={})).json()["state"] == "approved"


async def test_of_two_at_once_one_decides(site):
    path = f"{REQUESTS}/{(await ask(site))['id']}"
    deciding = [site.call("POST", f"{path}/approve", STAFF, json={}) for _ in range(5)]
    refusing = [site.call("POST", f"{path}/refuse", STAFF, json={"reason": "no"}) for _ in range(5)]
    answers = await asyncio.gather(*deciding, *refusing)
    assert sorted(each.status_code for each in answers) == [200] + [409] * 9
    assert len(site.memory.clients) <= 1
    decided = [row for row in site.memory.audit if row.action in ("client_requests.approve", "client_requests.refuse")]
    assert len(decided) == 1


async def test_who_has_asked_for_a_client_of_an_account_is_its_holder(site):
    account = CollaborationAccount(UserName("demo2"), None, (UserName("demo1"),))
    await site.services.collaborations.store.save(account, site.audit())
    for user, holder in (("demo2", "demo1"), (None, None)):
        asked = await ask(site, user=user)
        done = await site.call("POST", f"{REQUESTS}/{asked['id']}/approve", STAFF, json={})
        assert site.memory.clients[done.json()["client_id"]].holder == holder


async def test_what_was_true_must_still_be(site):
    account = CollaborationAccount(UserName("demo2"), None, (UserName("demo1"),))
    await site.services.collaborations.store.save(account, site.audit())
    asked = [await ask(site, user="demo2"), await ask(site, project="m0001"), await ask(site)]
    await site.services.collaborations.store.remove(UserName("demo2"), site.audit())
    await site.people.set_membership(ProjectName("m0001"), UserName("demo1"), None, site.audit())
    await site.people.save_user(User(1001, UserName("demo1"), active=False), site.audit())
    for each in asked:
        assert "refuse" in await site.refusal("POST", f"{REQUESTS}/{each['id']}/approve", STAFF, 409)
    await site.people.save_user(User(1001, UserName("demo1")), site.audit())
    for each in asked[:2]:
        assert "refuse" in await site.refusal("POST", f"{REQUESTS}/{each['id']}/approve", STAFF, 409)
    rules(site, per_user=0)
    assert "clients" in await site.refusal("POST", f"{REQUESTS}/{asked[2]['id']}/approve", STAFF, 409)
    assert site.memory.clients == {}
    rules(site, per_user=1)
    assert (await site.call("POST", f"{REQUESTS}/{asked[2]['id']}/approve", STAFF, json={})).status_code == 200


async def test_so_many_wait_at_a_time(site):
    for _ in range(10):
        last = await ask(site)
    assert "withdraw" in await site.refusal("POST", REQUESTS, ME, 409, **FORM)
    await site.call("DELETE", f"{REQUESTS}/{last['id']}", ME)
    await ask(site)


async def test_nobody_asks_without_end(site, mailbox):
    """Each asking is a mail to all staff, also when it is withdrawn at once."""
    for _ in range(20):
        made = await ask(site)
        await site.call("DELETE", f"{REQUESTS}/{made['id']}", ME)
    answer = await site.call("POST", REQUESTS, ME, json=FORM)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "3600")
    await ask(site, OTHER)
    site.clock.advance(timedelta(days=1, seconds=1))
    await ask(site)


async def test_a_client_that_is_bound_to_a_project_sees_requests_of_no_other(site):
    """Not even of somebody of the staff: it is the client that is bound."""
    made = await ask(site)
    keeper = {"name": "keeper", "level": "green", "ranges": ["mine"], "public_key": PUBLIC, "project": "m0001"}
    for user in ("demo1", "staff1"):
        await site.people.set_membership(ProjectName("m0001"), UserName(user), Role.USER, site.audit())
        bound = (await site.call("POST", "/account/clients", f"red:{user}:login", json=keeper)).json()["id"]
        everybodys = (user == "staff1") * "?everybodys=true"
        assert (await site.get(f"{REQUESTS}/{made['id']}", f"client:{bound}")).status_code == 404
        assert (await site.get(REQUESTS + everybodys, f"client:{bound}")).json() == []
    assert len((await site.get(f"{REQUESTS}?everybodys=true", STAFF)).json()) == 1
