"""Refresh tokens: once each, for their own application, never for more than was allowed."""

from datetime import timedelta

import pytest

from superfacility.oauth.clients import ClientId
from superfacility.testing.proofs import DeviceKey

SCOPE = "openid account.info:read tasks.task:read offline_access"


async def test_each_works_once_and_the_next_goes_on(house, gateway):
    first = await house.tokens_for(gateway, scope=SCOPE)
    second = (await house.refresh(gateway, first["refresh_token"])).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert second["scope"] == first["scope"]
    assert "id_token" in second
    assert (await house.call("account.info:read", second["access_token"])).status_code == 200
    assert (await house.refresh(gateway, second["refresh_token"])).status_code == 200


async def test_one_that_comes_again_ends_the_whole_family(house, gateway):
    first = await house.tokens_for(gateway, scope=SCOPE)
    second = (await house.refresh(gateway, first["refresh_token"])).json()
    third = (await house.refresh(gateway, second["refresh_token"])).json()
    again = await house.refresh(gateway, first["refresh_token"])
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    for token in (second, third):
        assert (await house.refresh(gateway, token["refresh_token"])).json()["error"] == "invalid_grant"
        assert (await house.call("account.info:read", token["access_token"])).status_code == 403
    entries = await house.log.entries(action="grants.revoke")
    assert [entry.detail for entry in entries] == ["a refresh token was shown twice"]


async def test_without_asking_for_it_there_is_none(house, gateway):
    assert "refresh_token" not in await house.tokens_for(gateway, scope="account.info:read")


async def test_another_application_cannot_use_it_and_does_no_harm(house, gateway):
    other = await house.register(id=ClientId("gateway000002"), name="Other")
    token = (await house.tokens_for(gateway, scope=SCOPE))["refresh_token"]
    stolen = await house.refresh(other, token)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    assert (await house.refresh(gateway, token)).status_code == 200


async def test_it_can_ask_for_less_but_never_for_more(house, gateway):
    body = await house.tokens_for(gateway, scope=SCOPE)
    for more in ("compute.jobs:read", "account.info:read compute.jobs:write", "email", "nonsense"):
        answer = await house.refresh(gateway, body["refresh_token"], scope=more)
        assert answer.json()["error"] == "invalid_scope"
    less = (await house.refresh(gateway, body["refresh_token"], scope="tasks.task:read")).json()
    assert (await house.call("tasks.task:read", less["access_token"])).status_code == 200
    assert (await house.call("account.info:read", less["access_token"])).status_code == 403
    full = (await house.refresh(gateway, less["refresh_token"])).json()
    assert (await house.call("account.info:read", full["access_token"])).status_code == 200


async def test_one_that_lies_unused_for_too_long_dies(house, gateway):
    body = await house.tokens_for(gateway, scope=SCOPE)
    house.clock.advance(timedelta(days=13))
    body = (await house.refresh(gateway, body["refresh_token"])).json()
    house.clock.advance(timedelta(days=14))
    assert (await house.refresh(gateway, body["refresh_token"])).json()["error"] == "invalid_grant"


async def test_no_use_prolongs_a_grant(house, gateway):
    token = (await house.tokens_for(gateway, scope=SCOPE))["refresh_token"]
    for _ in range(5):
        house.clock.advance(timedelta(days=10))
        token = (await house.refresh(gateway, token)).json()["refresh_token"]
    house.clock.advance(timedelta(days=10))
    assert (await house.refresh(gateway, token)).json()["error"] == "invalid_grant"


async def test_one_that_is_bound_to_a_key_stays_and_needs_it(house, gateway):
    key, url = DeviceKey(), "https://facility.example/oauth2/token"

    def proof(of: DeviceKey = key) -> dict[str, str]:
        return {"DPoP": house.proof(of, "POST", url)}

    code = await house.code(gateway, scope=SCOPE)
    body = (await house.redeem(gateway, code, headers=proof())).json()
    for _ in range(3):
        answer = await house.refresh(gateway, body["refresh_token"], headers=proof())
        assert answer.json()["token_type"] == "DPoP"
        assert "refresh_token" not in answer.json()
    for headers in ({}, proof(DeviceKey(101))):
        answer = await house.refresh(gateway, body["refresh_token"], headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    assert (await house.refresh(gateway, body["refresh_token"], headers=proof())).status_code == 200


@pytest.mark.parametrize("form", [{}, {"refresh_token": ""}, {"refresh_token": "x" * 100_000}])
async def test_what_is_none_is_refused(house, gateway, form):
    answer = await house.token(grant_type="refresh_token", client_id=gateway.id, **form)
    assert answer.status_code == 400


async def test_logging_out_ends_what_lived_by_the_session(house, gateway):
    await house.log_in()
    short = await house.tokens_for(gateway, scope="account.info:read")
    long = await house.tokens_for(gateway, scope=SCOPE)
    session = await house.sessions.current(house.secrets["demo1"])
    await house.sessions.end(session, "127.0.0.1")
    assert (await house.call("account.info:read", short["access_token"])).status_code == 403
    assert (await house.call("account.info:read", long["access_token"])).status_code == 200
    await house.sessions.end_all("demo1", "demo1", "127.0.0.1")
    assert (await house.call("account.info:read", long["access_token"])).status_code == 403
    assert (await house.refresh(gateway, long["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_application_that_must_show_a_key_gets_nothing_without_one_any_more(house, gateway):
    token = (await house.tokens_for(gateway, scope=SCOPE))["refresh_token"]
    await house.register(dpop=True)
    proof = {"DPoP": house.proof(DeviceKey(), "POST", "https://facility.example/oauth2/token")}
    answer = await house.refresh(gateway, token, headers=proof)
    assert answer.json()["error"] == "invalid_grant"
