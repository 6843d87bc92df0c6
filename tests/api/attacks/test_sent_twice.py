"""`Idempotency-Key` on what is changed at once: a request that is sent again changes nothing again.

The matrix is made from the router: a new POST below `/account` or `/callbacks` is in it without being asked.
"""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.api.attacks.conftest import ASKED, CLIENT
from tests.api.attacks.test_others_objects import ASKING_TO_JOIN, operations, row

from superfacility.facility.errors import Conflict, Unavailable
from superfacility.facility.people import Role
from superfacility.services.answers import UNDER_WAY
from superfacility.testing.stores import (
    MemoryAdmissions,
    MemoryApplicationStore,
    MemoryClientRequestStore,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryPeople,
)
from superfacility.testing.tokens import key_pair

LOGGED_IN = "demo1:login"
GREEN = {"name": "Phone", "level": "green", "device": True}
NEWCOMER = "demo5"
BODIES = {
    "/account/clients": (LOGGED_IN, {"json": CLIENT}),
    "/account/client_requests": (LOGGED_IN, {"json": ASKED}),
    "/account/groups": ("demo1", {"data": {"name": "g0002", "repo_name": "m0001"}}),
    "/account/applications": (LOGGED_IN, {"json": GREEN}),
    "/account/invitations/accept": (NEWCOMER, {}),
    "/account/invitations/decline": (NEWCOMER, {}),
    ASKING_TO_JOIN.removeprefix("POST "): ("demo2", {"json": {}}),
    "/callbacks/secret": ("demo1", {}),
}
"""Who sends it, and what, where test_others_objects does not say it."""
CLAIMED = ("/account/invitations/accept", "/account/invitations/decline")
OTHERS = {
    "/account/projects/{repo_name}/allocations": {"json": {"kind": "gpu", "hours": 6}},
    "/account/projects/{repo_name}/members": {"json": {"user": "demo2"}},
    "/account/projects/{repo_name}/invitations": {"json": {"user": "demo2"}},
    "/account/projects/{repo_name}/requests": {"json": {"message": "Please"}},
    "/account/projects/{repo_name}/requests/{request_id}": {"json": {"accept": False}},
    "/account/clients": {"json": CLIENT | {"name": "another"}},
    "/account/clients/{client_id}/renew": {"json": {"days": 1}},
    "/account/clients/{client_id}/key": {"json": {"public_key": key_pair("EdDSA", 1)[1]}},
    "/account/client_requests": {"json": ASKED | {"days": 80}},
    "/account/client_requests/{request_id}/approve": {"json": {"days": 1}},
    "/account/client_requests/{request_id}/refuse": {"json": {"reason": "never"}},
    "/account/groups": {"data": {"name": "g0003", "repo_name": "m0001"}},
    "/account/applications": {"json": GREEN | {"name": "Tablet"}},
    "/account/applications/{application_id}/approval": {"json": {"approve": False, "seen": "x"}},
    "/account/invitations/accept": {"json": {"token": "inv_other"}},
    "/account/invitations/decline": {"json": {"token": "inv_other"}},
}
"""Another body of the same kind."""
READ_FROM = (
    MemoryAdmissions,
    MemoryApplicationStore,
    MemoryClientRequestStore,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryPeople,
)
BODILESS = {"/callbacks/secret", "/callbacks/{id}/redeliver"}
PATHS = [path for method, path, _ in operations() if method == "POST" and path.startswith(("/account", "/callbacks"))]


async def request(town, path):
    """Who sends what, so that it succeeds."""
    if path in CLAIMED:
        made = await town.call("POST", "/account/projects/m0001/invitations", "demo1", json={"user": NEWCOMER})
        return NEWCOMER, {"json": {"id": made.json()["id"]}}
    if path in BODIES:
        return BODIES[path]
    tried = row("POST", path)
    return tried.owner, dict(tried.body)


async def send(town, path, who, body, key="run-1"):
    return await town.call("POST", town.address(path), who, headers={"Idempotency-Key": key}, **body)


def test_every_one_is_tried_with_another_body():
    assert set(PATHS) == set(OTHERS) | BODILESS
    assert len(PATHS) > 15


@pytest.mark.parametrize("path", PATHS)
async def test_the_same_key_again_is_answered_and_not_done(town, path):
    who, body = await request(town, path)
    before = len(town.site.memory.audit)
    first = await send(town, path, who, body)
    assert first.status_code in (200, 201), first.text
    assert len(town.site.memory.audit) > before, "a change leaves a row"
    records = town.records()
    town.site.clock.advance(timedelta(hours=23))
    again = await send(town, path, who, body)
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert town.records() == records


@pytest.mark.parametrize("path", PATHS)
async def test_twenty_at_once_are_one(town, path):
    who, body = await request(town, path)
    before = len(town.site.memory.audit)
    answers = await asyncio.gather(*(send(town, path, who, body) for _ in range(20)))
    assert {each.status_code for each in answers} <= {200, 201}, [each.text for each in answers]
    assert len({each.content for each in answers}) == 1
    done = [(each.action, each.target) for each in town.site.memory.audit[before:]]
    assert len(done) == len(set(done)) > 0


@pytest.mark.parametrize("path", sorted(OTHERS))
async def test_another_body_under_the_same_key_is_wrong_input(town, path):
    who, body = await request(town, path)
    await send(town, path, who, body)
    records = town.records()
    refused = await send(town, path, who, OTHERS[path])
    assert refused.status_code == 422, refused.text
    assert "key" in refused.json()["detail"]
    assert town.records() == records


async def test_without_a_key_or_with_another_it_is_done_again(town):
    secrets = []
    for key in ("run-1", "run-2", None, None, "run-1"):
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = await town.call("POST", "/callbacks/secret", "demo1", headers=headers)
        secrets.append(answer.json()["secret"])
        town.site.clock.advance(timedelta(minutes=2))  # within one, a secret is not replaced twice
    assert secrets.pop() == secrets[0]
    assert len(set(secrets)) == 4


async def test_a_key_is_its_senders_own(town):
    """Whoever guesses a key of somebody else learns nothing of what it was answered."""
    theirs, mine = [(await send(town, "/callbacks/secret", who, {})).json()["secret"] for who in ("demo1", "demo2")]
    assert theirs != mine


async def test_who_may_not_ask_is_refused_although_they_have_the_key(town):
    """What a client was answered is told to nobody who could not ask for it now."""
    await send(town, "/callbacks/secret", "demo1", {})
    path = town.address("/callbacks/secret")
    refused = await town.site.call("POST", path, "green:demo1", headers={"Idempotency-Key": "run-1"})
    assert refused.status_code == 403
    assert (await town.site.call("POST", path, headers={"Idempotency-Key": "run-1"})).status_code == 403


async def test_what_the_rules_refuse_leaves_its_key_free(town):
    path, body = "/account/projects/{repo_name}/members", {"json": {"user": NEWCOMER}}
    assert (await send(town, path, "demo3", body)).status_code == 403
    assert not town.site.memory.answers
    memberships = town.site.memory.memberships
    number, _ = memberships["m0001", "demo3"]
    memberships["m0001", "demo3"] = number, Role.PI_PROXY
    assert (await send(town, path, "demo3", body)).status_code == 201


@pytest.mark.parametrize("path", ["/account/projects/{repo_name}/invitations", "/callbacks/secret"])
async def test_secrets_in_answers_are_sealed(town, path):
    who, body = await request(town, path)
    told = (await send(town, path, who, body)).json()
    secret = told.get("token") or told["secret"]
    assert secret not in repr(town.site.memory.answers)
    assert secret.partition("_")[2] not in repr(town.site.memory.answers)


@pytest.mark.parametrize("path", PATHS)
async def test_what_was_done_is_answered_although_nothing_can_be_read_afterwards(town, path, monkeypatch):
    """Else its key would be free, and the same would be done again: mails about it are a courtesy."""
    who, body = await request(town, path)
    audit = town.site.memory.audit
    before = len(audit)

    def failing(read):
        async def wrapped(*given, **more):
            if len(audit) > before:
                raise Unavailable("The database is away.")
            return await read(*given, **more)

        return wrapped

    for store in READ_FROM:
        for name, method in vars(store).items():
            if asyncio.iscoroutinefunction(method):
                monkeypatch.setattr(store, name, failing(method))
    answer = await send(town, path, who, body)
    assert len(audit) > before
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("secret", ["whsec_gone", "inv_gone"])
async def test_an_answer_of_another_release_is_lost_and_told_to_nobody(town, secret, capfd):
    """Whose shape it has not any more."""
    service = town.site.services.answers
    await send(town, "/callbacks/secret", "demo1", {})
    ((scope, kept),) = town.site.memory.answers.items()
    other = service._sealer.seal(f'{{"secrets": ["{secret}"]}}', "\0".join(("answer", *scope)))
    town.site.memory.answers[scope] = replace(kept, text=other)
    answer = await send(town, "/callbacks/secret", "demo1", {})
    assert answer.status_code == 409
    assert "its answer was lost" in answer.text
    assert secret not in answer.text + "".join(capfd.readouterr())


async def test_a_body_that_is_nested_too_deeply_is_wrong_input(town):
    deep = {"kty": "EC"}
    for _ in range(300):
        deep = {"x": deep}
    refused = await send(town, "/account/clients", LOGGED_IN, {"json": CLIENT | {"public_key": deep}})
    assert refused.status_code == 422


async def test_after_a_day_a_key_is_free(town):
    first = await send(town, "/callbacks/secret", "demo1", {})
    day = timedelta(days=1)
    for passed, same in ((day - timedelta(minutes=1), True), (timedelta(minutes=2), False)):
        town.site.clock.advance(passed)
        await town.site.services.answers._store.forget(town.site.clock.now() - day)
        again = await send(town, "/callbacks/secret", "demo1", {})
        assert (again.content == first.content) is same


async def test_one_whose_answer_was_lost_is_looked_for_by_its_sender(town, monkeypatch):
    """The process died between the change and its answer: it is never done a second time by itself."""
    store = town.site.services.answers._store

    async def lost(*_):
        raise Conflict("the process is gone")

    monkeypatch.setattr(store, "keep", lost)
    first = await send(town, "/callbacks/secret", "demo1", {})
    assert first.status_code == 200
    records = town.records()
    at_once = await send(town, "/callbacks/secret", "demo1", {})
    assert at_once.status_code == 409
    assert "still being answered" in at_once.json()["detail"]
    assert at_once.headers["retry-after"] == "1"
    town.site.clock.advance(UNDER_WAY)
    later = await send(town, "/callbacks/secret", "demo1", {})
    assert later.status_code == 409
    assert "look whether it was done" in later.json()["detail"]
    assert town.records() == records


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(town, key):
    assert (await send(town, "/callbacks/secret", "demo1", {}, key)).status_code == 422
