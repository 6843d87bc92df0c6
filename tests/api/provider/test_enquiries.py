"""Introspection, revocation, `userinfo`, logout, and the page of what one has allowed."""

from dataclasses import replace

import pytest

from superfacility.facility.people import Project, ProjectName
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.oauth.scopes import BOUND_SCOPES
from superfacility.testing.tokens import Program, token_form

from .conftest import API, ISSUER, TOKEN_URL

SCOPE = "openid account.info:read offline_access"


async def ask(house, what, **form):
    async with house.http() as http:
        return await http.post(f"/oauth2/{what}", data=form)


@pytest.fixture
async def own(house, confidential, gateway_key):
    code = await house.code(confidential, scope=SCOPE)
    return (await house.redeem(confidential, code, **house.assertion(gateway_key))).json()


async def test_an_application_may_ask_about_its_own(house, own, confidential, gateway_key):
    answer = await ask(house, "introspect", token=own["access_token"], **house.assertion(gateway_key))
    found = answer.json()
    assert found["active"] is True
    assert (found["sub"], found["client_id"], found["aud"], found["iss"]) == ("demo1", confidential.id, API, ISSUER)
    assert (found["scope"], found["level"], found["token_type"]) == ("account.info:read", "green", "Bearer")
    answer = await ask(house, "introspect", token=own["refresh_token"], **house.assertion(gateway_key))
    assert answer.json()["active"] is True
    await house.refresh(confidential, own["refresh_token"], **house.assertion(gateway_key))
    answer = await ask(house, "introspect", token=own["refresh_token"], **house.assertion(gateway_key))
    assert answer.json() == {"active": False}


async def test_of_others_it_learns_nothing(house, own, gateway, gateway_key):
    other = await house.tokens_for(gateway, scope=SCOPE)
    program = Program(TOKEN_URL)
    await house.clients.save(program.client("demo2", house.clock.now()), house.audit(), new=True)
    client = (await house.token(**token_form(program.assertion(house.clock.now())))).json()
    for token in (
        other["access_token"],
        other["refresh_token"],
        client["access_token"],
        own["id_token"],
        "x",
        own["access_token"] + "x",
    ):
        answer = await ask(house, "introspect", token=token, **house.assertion(gateway_key))
        assert (answer.status_code, answer.json()) == (200, {"active": False})


async def test_a_resource_server_may_ask_about_every_access_token(house, gateway):
    server = Program(ISSUER, client_id="resource00001", algorithm="ES256", number=3)
    await house.register(
        id=ClientId("resource00001"), name="API", keys=(ClientKey(server.public),), resource_server=True
    )
    other = await house.tokens_for(gateway, scope=SCOPE)
    answer = await ask(house, "introspect", token=other["access_token"], **house.assertion(server))
    assert (answer.json()["active"], answer.json()["sub"]) == (True, "demo1")
    answer = await ask(house, "introspect", token=other["refresh_token"], **house.assertion(server))
    assert answer.json() == {"active": False}
    (grant,) = await house.grants()
    await house.store.revoke_grant(grant.id, house.clock.now(), house.audit())
    answer = await ask(house, "introspect", token=other["access_token"], **house.assertion(server))
    assert answer.json() == {"active": False}


async def test_a_public_application_asks_in_vain(house, gateway):
    body = await house.tokens_for(gateway, scope=SCOPE)
    answer = await ask(house, "introspect", token=body["access_token"], client_id=gateway.id)
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await ask(house, "introspect", token=body["access_token"])).status_code == 401


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
async def test_revoking_either_ends_both(house, gateway, kind):
    body = await house.tokens_for(gateway, scope=SCOPE)
    answer = await ask(house, "revoke", token=body[kind], client_id=gateway.id, token_type_hint="nonsense")
    assert answer.status_code == 200
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403
    assert (await house.refresh(gateway, body["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await ask(house, "revoke", token=body[kind], client_id=gateway.id)).status_code == 200


async def test_nobody_revokes_for_another(house, gateway, own, gateway_key):
    body = await house.tokens_for(gateway, scope=SCOPE)
    for kind in ("access_token", "refresh_token"):
        answer = await ask(house, "revoke", token=body[kind], **house.assertion(gateway_key))
        assert answer.status_code == 200
    assert (await ask(house, "revoke", token=own["access_token"], client_id="confidential1")).status_code == 401
    assert (await ask(house, "revoke", client_id=gateway.id)).json()["error"] == "invalid_request"
    assert (await ask(house, "revoke", token="x", client_id=gateway.id)).status_code == 200
    assert (await house.call("account.info:read", body["access_token"])).status_code == 200
    assert (await house.call("account.info:read", own["access_token"])).status_code == 200


async def logout(house, user="demo1", **query):
    return await house.get(f"/oauth2/logout?{'&'.join(f'{name}={value}' for name, value in query.items())}", user)


BYE = "https://gateway.example/bye"


async def test_an_application_logs_its_person_out(house, gateway):
    body = await house.tokens_for(gateway, scope="openid account.info:read")
    page = await logout(house, id_token_hint=body["id_token"], post_logout_redirect_uri=BYE, state="s%26t")
    assert page.location == f"{BYE}?state=s%26t"
    assert await house.sessions.current(house.secrets["demo1"]) is None
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403


async def test_without_a_proof_the_person_is_asked(house, gateway):
    other = (await house.tokens_for(gateway, "demo3", scope="openid"))["id_token"]
    await house.log_in()
    for query in ({}, {"client_id": gateway.id}, {"id_token_hint": other}):
        page = await logout(house, **query)
        assert page.status == 200
        assert await house.sessions.current(house.secrets["demo1"]) is not None
    page = await logout(house, client_id=gateway.id, post_logout_redirect_uri=BYE)
    assert (await house.submit(page, None)).status == 403
    assert (await house.submit(page)).location == BYE
    assert await house.sessions.current(house.secrets["demo1"]) is None


@pytest.mark.parametrize(
    "query",
    [
        {"post_logout_redirect_uri": "https://gateway.example/bye"},
        {"client_id": "gateway000001", "post_logout_redirect_uri": "https://evil.example/"},
        {"client_id": "gateway000001", "post_logout_redirect_uri": "https://gateway.example/bye/"},
        {"client_id": "gateway000001", "post_logout_redirect_uri": "https://gateway.example/callback"},
        {"client_id": "nobody", "post_logout_redirect_uri": "https://gateway.example/bye"},
        {"id_token_hint": "x"},
        {"id_token_hint": "access"},
        {"id_token_hint": "good", "client_id": "sfapi-cli"},
    ],
)
async def test_a_logout_leads_nowhere_else(house, gateway, query):
    body = await house.tokens_for(gateway, scope="openid")
    hint = {"access": body["access_token"], "good": body["id_token"]}.get(query.get("id_token_hint", ""))
    for user in ("demo1", None):
        page = await logout(house, user, **(query if hint is None else query | {"id_token_hint": hint}))
        assert (page.status, "location" in page.answer.headers) == (400, False)
    assert await house.sessions.current(house.secrets["demo1"]) is not None


async def test_people_see_what_they_have_allowed_and_take_it_back(house, gateway, own):
    body = await house.tokens_for(gateway, scope=SCOPE)
    page = await house.get("/account/applications")
    for words in ("Imaging gateway", "Confidential gateway", "see your account", "the user demo2"):
        assert words in page.answer.text
    await house.log_in("demo3")
    assert "Imaging" not in (await house.get("/account/applications", "demo3")).answer.text
    stolen = await house.submit(page, "demo3", application=gateway.id)
    assert stolen.status == 403
    assert (await house.submit(page, application=gateway.id)).status == 303
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403
    assert (await house.call("account.info:read", own["access_token"])).status_code == 200
    assert "Imaging" not in (await house.get("/account/applications")).answer.text
    assert (await house.get("/account/applications", None)).location.startswith("/login")


@pytest.fixture
async def program(house):
    """A client of demo2, which acts as its user and needs nobody's consent."""
    made = Program(TOKEN_URL)
    await house.clients.save(made.client("demo2", house.clock.now()), house.audit(), new=True)
    return made


async def fetch(house, program):
    return (await house.token(**token_form(program.assertion(house.clock.now())))).json()["access_token"]


def proven(house, program, **changes):
    form = token_form(program.assertion(house.clock.now(), **changes))
    return {name: value for name, value in form.items() if name != "grant_type"}


async def test_a_client_gives_one_of_its_tokens_back(house, program):
    token, other = await fetch(house, program), await fetch(house, program)
    assert (await house.call("account.info:read", token)).status_code == 200
    for _ in range(2):
        answer = await ask(house, "revoke", token=token, **proven(house, program))
        assert (answer.status_code, answer.json()) == (200, {})
    refused = await house.call("account.info:read", token)
    assert refused.status_code == 403
    assert "given back" in refused.text
    assert (await house.call("account.info:read", other)).status_code == 200
    rows = [each for each in house.memory.audit if each.action == "tokens.revoke"]
    assert [(each.actor, each.client_id, each.address) for each in rows] == [("demo2", program.client_id, "127.0.0.1")]


async def test_a_token_that_was_given_back_is_not_active(house, program):
    server = Program(ISSUER, client_id="resource00001", algorithm="ES256", number=3)
    await house.register(
        id=ClientId("resource00001"), name="API", keys=(ClientKey(server.public),), resource_server=True
    )
    token = await fetch(house, program)
    answer = await ask(house, "introspect", token=token, **house.assertion(server))
    assert answer.json()["active"] is True
    await ask(house, "revoke", token=token, **proven(house, program))
    answer = await ask(house, "introspect", token=token, **house.assertion(server))
    assert answer.json() == {"active": False}


async def test_a_resource_server_hears_of_the_bounds_of_a_client(house, program):
    server = Program(ISSUER, client_id="resource00001", algorithm="ES256", number=3)
    await house.register(
        id=ClientId("resource00001"), name="API", keys=(ClientKey(server.public),), resource_server=True
    )
    token = await fetch(house, program)
    client = house.memory.clients[program.client_id]
    house.memory.projects[ProjectName("m0001")] = Project(1, ProjectName("m0001"))
    await house.clients.save(replace(client, project=ProjectName("m0001")), house.audit())
    found = (await ask(house, "introspect", token=token, **house.assertion(server))).json()
    assert found["project"] == "m0001"
    assert set(found["scope"].split()) == set(BOUND_SCOPES)
    await house.clients.save(replace(client, dpop=True), house.audit())
    found = (await ask(house, "introspect", token=token, **house.assertion(server))).json()
    assert found == {"active": False}


async def test_a_client_cannot_give_back_what_is_not_its_own(house, program, gateway):
    stranger = Program(TOKEN_URL, number=1)
    await house.clients.save(stranger.client("demo1", house.clock.now()), house.audit(), new=True)
    token, login = await fetch(house, stranger), await house.tokens_for(gateway, scope=SCOPE)
    for each in (token, token + "x", "x", login["access_token"], login["refresh_token"]):
        answer = await ask(house, "revoke", token=each, **proven(house, program))
        assert (answer.status_code, answer.json()) == (200, {})
    assert (await house.call("account.info:read", token)).status_code == 200
    assert (await house.call("account.info:read", login["access_token"])).status_code == 200


async def test_giving_back_needs_a_proof_that_counts_once(house, program):
    token, form = await fetch(house, program), proven(house, program)
    assert (await ask(house, "revoke", token="x", **form)).status_code == 200
    wrong = Program(TOKEN_URL, client_id=program.client_id, number=1)
    for bad in (form, proven(house, program, exp=1), proven(house, program, aud="https://x"), proven(house, wrong), {}):
        answer = await ask(house, "revoke", token=token, **bad)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert (await house.call("account.info:read", token)).status_code == 200
