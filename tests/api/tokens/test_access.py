"""Every request: who calls, from where, with what. Goals S3, S4 and S5, design decisions 8, 9 and 14."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.responses import JSONResponse
from starlette.routing import Route

from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.http.security import authorize, declared_scope, is_public
from superfacility.oauth.errors import AccessRefused
from superfacility.oauth.keys import SigningKeys, generate_key_pair
from superfacility.oauth.scopes import SCOPES, Scope, SecurityLevel, scopes_of
from superfacility.oauth.signatures import read
from superfacility.services.access import tokens as tokens_module
from superfacility.testing.tokens import Program, segment, sign_as_told

TOKEN_URL = "https://facility.example/oauth2/token"
OPEN = {"/open", "/oauth2/token", "/oauth2/jwks", "/.well-known/oauth-authorization-server"}
RED = "/needs/compute.jobs:write"
BEAMLINE = ProjectName("m0001")


def assert_refused(answer, words: str, code: str = "invalid_token") -> None:
    assert answer.status_code == 403, answer.text
    assert answer.json().keys() == {"detail"}
    assert words in answer.json()["detail"]
    assert answer.headers["www-authenticate"].startswith(f'Bearer error="{code}"')


def assert_unauthenticated(answer) -> None:
    assert answer.status_code == 403
    assert answer.json() == {"detail": "Not authenticated"}
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "error=" not in answer.headers["www-authenticate"]


async def test_the_principal_is_who_the_client_acts_as(facility, program):
    answer = await facility.get(RED, await facility.token(program))
    assert answer.json() == {"user": "demo1", "client": program.client_id, "address": "127.0.0.1"}


@pytest.mark.parametrize("level", SecurityLevel)
@pytest.mark.parametrize("scope", Scope)
async def test_every_scope_with_every_level(facility, level, scope):
    """Goal S4 for the table itself; the routes' own scopes are tested where the routes are."""
    program = Program(TOKEN_URL)
    await facility.register(program, level)
    answer = await facility.get(f"/needs/{scope.value}", await facility.token(program))
    if SCOPES[scope].level <= level:
        assert answer.status_code == 200
    else:
        assert_refused(answer, f"level {SCOPES[scope].level.label}", "insufficient_scope")
        assert f"yours is {level.label}" in answer.json()["detail"]
        assert f'scope="{scope.value}"' in answer.headers["www-authenticate"]


async def test_a_client_with_fewer_scopes_than_its_level(facility):
    program = Program(TOKEN_URL)
    await facility.register(program, scopes=frozenset({Scope.TASKS_READ}))
    token = await facility.token(program)
    assert (await facility.get("/needs/tasks.task:read", token)).status_code == 200
    assert_refused(await facility.get(RED, token), "was not given", "insufficient_scope")


async def test_a_token_with_fewer_scopes_than_its_client(facility, program):
    token = await facility.token(program, scope="tasks.task:read")
    assert (await facility.get("/needs/tasks.task:read", token)).status_code == 200
    assert_refused(await facility.get(RED, token), "was not given", "insufficient_scope")


async def test_the_record_decides_and_not_the_token(facility, program):
    token = await facility.token(program)
    await facility.clients.change(program.client_id, actor="test", scopes=["tasks.task:read"])
    assert_refused(await facility.get(RED, token), "was not given", "insufficient_scope")


async def test_no_token(facility):
    assert_unauthenticated(await facility.get(RED))


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic ZGVtbzE6eA==", "token", "Token abc", "Digest x=y"])
async def test_no_bearer(facility, value):
    assert_unauthenticated(await facility.get(RED, Authorization=value))


@pytest.mark.parametrize("word", ["Bearer", "bearer", "BEARER", "Bearer  "])
async def test_the_word_bearer_may_be_written_in_any_case(facility, program, word):
    token = await facility.token(program)
    assert (await facility.get(RED, Authorization=f"{word} {token}")).status_code == 200


async def test_two_authorization_headers(facility, program):
    token = await facility.token(program)
    for values in ([f"Bearer {token}"] * 2, ["Basic eA==", f"Bearer {token}"]):
        async with facility.caller() as http:
            answer = await http.get(RED, headers=[("Authorization", value) for value in values])
        assert_refused(answer, "one Authorization header")


async def test_a_token_in_the_query_counts_for_nothing(facility, program):
    assert_unauthenticated(await facility.get(f"{RED}?access_token={await facility.token(program)}"))


async def test_public_routes_ask_for_nothing_and_look_at_nothing(facility):
    assert (await facility.get("/open")).status_code == 200
    assert (await facility.get("/open", "nonsense", address="192.0.2.1")).status_code == 200


async def test_bad_tokens(facility, program, signing_keys):
    good = await facility.token(program)
    head, body, signature = good.split(".")
    claims = json.dumps(read(good).claims).encode()
    kid = read(good).header["kid"]
    stranger = generate_key_pair("RS256")[0]
    bad = {
        "nonsense": "nonsense",
        "cut": good[:-5],
        "no signature": f"{head}.{body}.",
        "alg none": ".".join([segment(b'{"alg": "none", "typ": "at+jwt"}'), body, ""]),
        "other claims": f"{head}.{segment(claims.replace(b'demo1', b'demo2'))}.{signature}",
        "another's key": sign_as_told({"typ": "at+jwt", "alg": "RS256", "kid": kid}, claims, stranger, "RS256"),
        "unknown kid": sign_as_told({"typ": "at+jwt", "alg": "RS256", "kid": "x"}, claims, stranger, "RS256"),
        "a client assertion": program.assertion(facility.clock.now()),
        "another audience": signing_keys.sign(claims.replace(b"/api/v1.2", b"/api/v9")),
        "another issuer": signing_keys.sign(claims.replace(b'"iss": "https', b'"iss": "http')),
        "long": "x" * 60_000,
        "deep": signing_keys.sign(b'{"a":' * 1100 + b"1" + b"}" * 1100),
        "latin": "\xe9" * 20,
    }
    for name, token in bad.items():
        answer = await facility.get(RED, Authorization=f"Bearer {token}".encode("latin-1"))
        assert answer.status_code == 403, name
        assert_refused(answer, "no valid access token")


async def test_an_expired_token(facility, program):
    token = await facility.token(program)
    for _ in range(2):
        facility.clock.advance(timedelta(seconds=299))
        assert (await facility.get(RED, token)).status_code == 200
    facility.clock.advance(timedelta(seconds=3))
    assert_refused(await facility.get(RED, token), "token has expired")
    assert_refused(await facility.get(RED, token), "token has expired")


async def test_an_expired_client(facility):
    program = Program(TOKEN_URL)
    await facility.register(program, expires_at=facility.clock.now() + timedelta(seconds=30))
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    facility.clock.advance(timedelta(seconds=30))
    assert_refused(await facility.get(RED, token), "expired on")


async def test_a_revoked_client(facility, program):
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    await facility.clients.revoke(program.client_id, actor="test")
    assert_refused(await facility.get(RED, token), "was revoked")


async def test_a_removed_client(facility, program):
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    await facility.clients.remove(program.client_id, actor="test")
    assert_refused(await facility.get(RED, token), "has been removed")


async def test_a_user_made_inactive(facility, program):
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    await facility.people.save_user(User(uid=1001, name=UserName("demo1"), active=False), facility.audit())
    facility.clock.advance(timedelta(seconds=31))
    assert_refused(await facility.get(RED, token), "not active")


@pytest.fixture
async def shared(facility):
    """A client that acts as demo1, in the hands of alice, who manages that account."""
    for uid, name in ((1002, "alice"), (1003, "bob")):
        await facility.people.save_user(User(uid, UserName(name)), facility.audit(), new=True)
    await facility.people.save_project(Project(1, BEAMLINE), facility.audit(), new=True)
    await facility.people.set_membership(BEAMLINE, UserName("alice"), Role.PI_PROXY, facility.audit())
    await facility.collaborations.save("demo1", BEAMLINE, ["bob"], "test")
    program = Program(TOKEN_URL)
    await facility.register(program, holder=UserName("alice"))
    return program


async def _demote(facility):
    await facility.people.set_membership(BEAMLINE, UserName("alice"), Role.USER, facility.audit())


async def _leave(facility):
    await facility.people.set_membership(BEAMLINE, UserName("alice"), None, facility.audit())


async def _deactivate(facility):
    await facility.people.save_user(User(1002, UserName("alice"), active=False), facility.audit())
    facility.clock.advance(timedelta(seconds=31))


async def _give_to_bob(facility):
    await facility.collaborations.save("demo1", None, ["bob"], "test")


async def _close(facility):
    await facility.collaborations.remove("demo1", "test")


async def _close_project(facility):
    project = await facility.people.project(BEAMLINE)
    await facility.people.save_project(replace(project, active=False), facility.audit())


@pytest.mark.parametrize("end", [_demote, _leave, _deactivate, _give_to_bob, _close, _close_project])
async def test_who_manages_an_account_no_more_has_no_use_of_its_clients(facility, shared, end):
    token = await facility.token(shared)
    assert (await facility.get(RED, token)).json()["user"] == "demo1"
    await end(facility)
    refused = await facility.get(RED, token)
    assert_refused(refused, "alice, who has the key")
    assert f"sfapi clients rotate {shared.client_id}" in refused.json()["detail"]
    answer = await facility.post(shared.assertion(facility.clock.now()))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert "alice, who has the key" in answer.json()["error_description"]


async def test_who_takes_a_client_over_ends_the_tokens_of_its_former_holder(facility, shared):
    """They may still manage the account: what they fetched is theirs, and would be taken for the new holder's."""
    token = await facility.token(shared)
    client = await facility.store.client(shared.client_id)
    await facility.store.save(replace(client, holder=UserName("bob")), facility.audit())
    assert_refused(await facility.get(RED, token), "no valid access token")
    assert (await facility.get(RED, await facility.token(shared))).status_code == 200
    await facility.store.save(replace(client, holder=None), facility.audit())
    assert_refused(await facility.get(RED, token), "no valid access token")


async def test_no_request_that_starts_after_a_revocation_succeeds(facility, program):
    """Many requests around one revocation: those that start after its commit are all refused."""
    token = await facility.token(program)
    committed = asyncio.Event()
    outcomes: list[tuple[bool, bool]] = []

    async def call() -> None:
        started_after = committed.is_set()
        try:
            await facility.tokens.authenticate(token, "127.0.0.1")
        except AccessRefused:
            outcomes.append((started_after, False))
        else:
            outcomes.append((started_after, True))

    async def revoke() -> None:
        await facility.clients.revoke(program.client_id, actor="test")
        committed.set()

    await asyncio.gather(*(call() for _ in range(100)), revoke(), *(call() for _ in range(100)))
    await asyncio.gather(*(call() for _ in range(100)))
    assert (False, True) in outcomes
    assert (True, False) in outcomes
    assert (True, True) not in outcomes


async def test_a_record_read_before_the_revocation_is_not_believed_after_it(facility, program, monkeypatch):
    """The reading of the record is overtaken by the revocation; the next request must read again."""
    token = await facility.token(program)
    facility.tokens._records.clear()
    read_client = facility.store.client
    read_done, go_on = asyncio.Event(), asyncio.Event()

    async def slow(client_id):
        found = await read_client(client_id)
        read_done.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(type(facility.store), "client", lambda _, client_id: slow(client_id))
    overtaken = asyncio.create_task(facility.tokens.authenticate(token, "127.0.0.1"))
    await read_done.wait()
    monkeypatch.undo()
    await facility.clients.revoke(program.client_id, actor="test")
    go_on.set()
    await overtaken
    with pytest.raises(AccessRefused, match="was revoked"):
        await facility.tokens.authenticate(token, "127.0.0.1")


async def test_a_proven_token_costs_no_second_look(facility, program, monkeypatch):
    token = await facility.token(program)
    first = await facility.tokens.authenticate(token, "127.0.0.1")

    async def never(_, __):
        raise AssertionError("the record was read again")

    monkeypatch.setattr(type(facility.store), "client", never)
    assert await facility.tokens.authenticate(token, "127.0.0.1") is first


async def test_the_memory_of_tokens_is_bounded(facility, program, monkeypatch):
    monkeypatch.setattr(tokens_module, "CACHED_TOKENS", 3)
    proven = [await facility.token(program) for _ in range(5)]
    for token in proven * 2:
        await facility.tokens.authenticate(token, "127.0.0.1")
    assert len(facility.tokens._cache) == 3


async def test_the_source_address_counts_at_each_request(facility, program):
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    answer = await facility.get(RED, token, address="192.0.2.9")
    assert_refused(answer, "address 192.0.2.9")
    assert "source ranges" in answer.json()["detail"]
    assert (await facility.get(RED, token)).status_code == 200
    assert (await facility.get(RED, token, address="::ffff:127.0.0.1")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "127.0.0.1"},
        {"Forwarded": "for=127.0.0.1"},
        {"X-Real-IP": "127.0.0.1"},
        {"X-Client-IP": "127.0.0.1"},
        {"True-Client-IP": "127.0.0.1"},
        {"CF-Connecting-IP": "127.0.0.1"},
        {"X-Forwarded-For": "127.0.0.1, 127.0.0.1", "Forwarded": "for=127.0.0.1;by=127.0.0.1"},
    ],
)
async def test_a_spoofed_address(facility, program, headers):
    token = await facility.token(program)
    assert_refused(await facility.get(RED, token, address="192.0.2.9", **headers), "address 192.0.2.9")
    facility.app.state.trusted_proxies = (ip_network("198.51.100.0/24"),)
    assert_refused(await facility.get(RED, token, address="192.0.2.9", **headers), "address 192.0.2.9")


async def test_behind_a_trusted_proxy(facility):
    facility.app.state.trusted_proxies = (ip_network("127.0.0.1/32"),)
    program = Program(TOKEN_URL)
    await facility.register(program, ranges=("192.0.2.0/24",))
    form = program.assertion(facility.clock.now())
    assert (await facility.post(form)).status_code == 401
    async with facility.caller() as http:
        http.headers["X-Forwarded-For"] = "10.9.9.9, 192.0.2.9"
        token = (await facility.post_with(http, program)).json()["access_token"]
        assert (await http.get(RED, headers={"Authorization": f"Bearer {token}"})).status_code == 200
        http.headers["X-Forwarded-For"] = "192.0.2.9, 10.9.9.9"
        assert_refused(await http.get(RED, headers={"Authorization": f"Bearer {token}"}), "address 10.9.9.9")
    assert_refused(await facility.get(RED, token, **{"X-Real-IP": "192.0.2.9"}), "address 127.0.0.1")


async def test_a_unix_socket_has_no_address(facility, program):
    token = await facility.token(program)
    scope = {"app": facility.app, "client": None, "headers": [(b"authorization", f"Bearer {token}".encode())]}
    with pytest.raises(AccessRefused, match="address unix socket"):
        await authorize(scope, facility.app.state.services, Scope.JOBS_WRITE)


async def test_a_changed_range_counts_at_once(facility, program):
    token = await facility.token(program)
    assert (await facility.get(RED, token)).status_code == 200
    await facility.clients.change(program.client_id, actor="test", ranges=["192.0.2.0/24"])
    assert_refused(await facility.get(RED, token), "address 127.0.0.1")


async def test_plain_routes_say_that_they_are_public():
    async def plain(scope, receive, send):
        await JSONResponse({})(scope, receive, send)

    assert not is_public(Route("/tasks", plain))
    plain.public = True
    assert declared_scope(Route("/tasks", plain)) is None
    assert is_public(Route("/tasks", plain))


async def test_every_route_of_the_application_is_declared(facility):
    seen = set()
    for route in iter_route_contexts(facility.app.routes):
        if route.path.startswith("/needs/"):
            assert declared_scope(route) is Scope(route.path.removeprefix("/needs/"))
            assert not is_public(route)
        elif route.path in OPEN:
            assert is_public(route)
            assert declared_scope(route) is None
        seen.add(route.path)
    assert seen >= {*OPEN, *(f"/needs/{scope}" for scope in Scope)}


def test_a_route_that_says_nothing_is_neither():
    app = FastAPI(openapi_url=None)

    @app.get("/forgotten")
    async def forgotten() -> None:
        """Nothing."""

    [route] = app.routes
    assert declared_scope(route) is None
    assert not is_public(route)


def test_levels_build_on_each_other():
    for lower, higher in zip(SecurityLevel, list(SecurityLevel)[1:], strict=False):
        assert scopes_of(lower) < scopes_of(higher)


def test_a_replaced_signing_key_still_verifies(tmp_path):
    old = SigningKeys.create(tmp_path / "keys")
    token = old.sign(b'{"sub": "demo1"}')
    new = SigningKeys.create(tmp_path / "keys", "ES256")
    assert new.verified(token).claims == {"sub": "demo1"}
    assert read(new.sign(b"{}")).header["alg"] == "ES256"
    assert len(new.jwks()["keys"]) == 2
