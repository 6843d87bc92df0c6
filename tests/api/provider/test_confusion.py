"""Each kind of token works as itself and as nothing else."""

import json

import pytest

from superfacility.oauth.clients import ClientId
from superfacility.testing.tokens import LEFT_OUT, Program, segment, token_form

from .conftest import API, ISSUER, TOKEN_URL

SCOPE = "openid account.info:read offline_access"


@pytest.fixture
async def body(house, gateway):
    return await house.tokens_for(gateway, scope=SCOPE)


async def test_an_id_token_opens_nothing(house, gateway, body):
    assert (await house.call("account.info:read", body["id_token"])).status_code == 403
    async with house.http() as http:
        answer = await http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {body['id_token']}"})
    assert answer.status_code == 403
    assert (await house.refresh(gateway, body["id_token"])).json()["error"] == "invalid_grant"
    assert (await house.redeem(gateway, body["id_token"])).json()["error"] == "invalid_grant"


async def test_a_refresh_token_opens_nothing(house, gateway, body):
    assert (await house.call("account.info:read", body["refresh_token"])).status_code == 403
    assert (await house.redeem(gateway, body["refresh_token"])).json()["error"] == "invalid_grant"


async def test_an_access_token_refreshes_nothing(house, gateway, body):
    assert (await house.refresh(gateway, body["access_token"])).json()["error"] == "invalid_grant"
    assert (await house.redeem(gateway, body["access_token"])).json()["error"] == "invalid_grant"


async def test_a_code_opens_nothing(house, gateway):
    code = await house.code(gateway, scope=SCOPE)
    assert (await house.call("account.info:read", code)).status_code == 403
    assert (await house.refresh(gateway, code)).json()["error"] == "invalid_grant"


async def test_our_own_tokens_are_no_assertions(house, confidential, body):
    for token in (body["access_token"], body["id_token"]):
        answer = await house.token(**token_form(token))
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        answer = await house.token(
            grant_type="refresh_token",
            refresh_token="x",
            client_assertion=token,
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_an_assertion_is_no_token(house, confidential, gateway_key):
    assertion = gateway_key.assertion(house.clock.now())
    assert (await house.call("account.info:read", assertion)).status_code == 403
    forged = gateway_key.assertion(house.clock.now(), header={"typ": "at+jwt"}, aud=API, iss=ISSUER)
    assert (await house.call("account.info:read", forged)).status_code == 403


async def test_an_application_is_no_client_and_a_client_no_application(house, confidential, gateway_key):
    answer = await house.token(**token_form(gateway_key.assertion(house.clock.now())))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    program = Program(TOKEN_URL)
    await house.clients.save(program.client("demo1", house.clock.now()), house.audit(), new=True)
    form = {"grant_type": "refresh_token", "refresh_token": "x"} | house.assertion(program)
    assert (await house.token(**form)).json()["error"] == "invalid_client"
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": program.client_id}
    assert (await house.token(**form)).json()["error"] == "invalid_client"
    page = await house.get(house.url(confidential, client_id=program.client_id))
    assert page.status == 400


async def test_a_code_of_one_is_no_code_of_another(house, gateway):
    other = await house.register(id=ClientId("gateway000002"), name="Other")
    code = await house.code(gateway)
    assert (await house.redeem(other, code)).json()["error"] == "invalid_grant"
    assert (await house.redeem(gateway, code)).status_code == 200


async def test_a_confidential_application_must_prove_itself(house, confidential, gateway_key):
    code = await house.code(confidential, scope=SCOPE)
    assert (await house.redeem(confidential, code)).json()["error"] == "invalid_client"
    stranger = Program(ISSUER, client_id=confidential.id, algorithm="ES256", number=7)
    for wrong in (
        house.assertion(stranger),
        house.assertion(gateway_key, exp=1),
        house.assertion(gateway_key, aud="https://other.example"),
        house.assertion(gateway_key, aud=[ISSUER, "https://other.example"]),
        house.assertion(gateway_key, sub="gateway000001"),
        {"client_assertion": "x", "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"},
        {"client_assertion": gateway_key.assertion(house.clock.now())},
    ):
        answer = await house.redeem(confidential, code, client_id=None, **wrong)
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    proven = house.assertion(gateway_key)
    assert (await house.redeem(confidential, code, client_id="gateway000001", **proven)).status_code == 401
    body = (await house.redeem(confidential, code, **proven)).json()
    assert "access_token" in body
    replayed = await house.refresh(confidential, body["refresh_token"], **proven)
    assert (replayed.status_code, replayed.json()["error"]) == (401, "invalid_client")
    assert (await house.refresh(confidential, body["refresh_token"], **house.assertion(gateway_key))).status_code == 200


@pytest.mark.parametrize("algorithm", ["none", "None", "HS256", "RS256"])
async def test_nobody_else_signs_our_tokens(house, body, algorithm):
    header, payload, signature = body["access_token"].split(".")
    kid = house.keys.jwks()["keys"][0]["kid"]
    fake = segment(json.dumps({"typ": "at+jwt", "alg": algorithm, "kid": kid}).encode())
    for forged in (f"{fake}.{payload}.", f"{fake}.{payload}.{signature}", f"{header}.{payload}."):
        assert (await house.call("account.info:read", forged)).status_code == 403


async def test_a_token_of_another_grant_or_person_is_not_believed(house, gateway, body):
    """Were a claim changed and our key made to sign it, the records would still decide."""
    now = int(house.clock.now().timestamp())
    (grant,) = await house.grants()
    good = {
        "iss": ISSUER,
        "aud": API,
        "sub": "demo1",
        "client_id": gateway.id,
        "grant": grant.id,
        "scope": "account.info:read compute.jobs:write",
        "jti": "1",
        "iat": now,
        "exp": now + 600,
    }
    signed = house.keys.sign(json.dumps(good).encode())
    assert (await house.call("account.info:read", signed)).status_code == 200
    assert (await house.call("compute.jobs:write", signed)).status_code == 403
    for change in (
        {"sub": "demo2"},
        {"client_id": "sfapi-cli"},
        {"grant": "another"},
        {"grant": LEFT_OUT},
        {"aud": ISSUER},
        {"aud": [API]},
        {"aud": gateway.id},
        {"iss": "https://evil.example"},
        {"cnf": {"jkt": "x"}},
    ):
        claims = {name: value for name, value in (good | change).items() if value is not LEFT_OUT}
        forged = house.keys.sign(json.dumps(claims).encode())
        assert (await house.call("account.info:read", forged)).status_code == 403, change
