"""Clients that are stricter than the service is with others: proofs as FAPI 2.0 wants them, tokens bound to a key."""

import json
from urllib.parse import urlencode

import pytest

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.clients import ClientKey
from superfacility.oauth.keys import generate_key_pair
from superfacility.oauth.scopes import SecurityLevel
from superfacility.testing.proofs import DeviceKey
from superfacility.testing.tokens import LEFT_OUT, Program, key_pair, sign_as_told, token_form

ISSUER = "https://facility.example"
TOKEN_URL = f"{ISSUER}/oauth2/token"
NEEDS = "/needs/account.info:read"
KEY = DeviceKey()


@pytest.fixture
async def strict(facility):
    made = Program(ISSUER, algorithm="ES256")
    await facility.register(made, strict=True)
    return made


async def test_a_strict_proof_is_taken(facility, strict):
    token = await facility.token(strict)
    assert (await facility.get(NEEDS, token)).status_code == 200


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"aud": TOKEN_URL}, "aud"),
        ({"aud": [ISSUER]}, "aud"),
        ({"jti": LEFT_OUT}, "jti"),
        ({"iat": LEFT_OUT}, "iat"),
        ({"exp": "late"}, "exp"),
    ],
)
async def test_what_others_may_send_a_strict_client_may_not(facility, strict, changes, word):
    now = facility.clock.now()
    if changes.get("exp") == "late":
        changes = {"exp": int(now.timestamp()) + 3600}
    answer = await facility.post(strict.assertion(now, **changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    assert word in answer.json()["error_description"]


async def test_a_strict_client_with_an_rsa_key_signs_with_ps256_alone(facility):
    program = Program(ISSUER)
    public = {name: value for name, value in program.public.items() if name != "alg"}
    await facility.register(program, strict=True, keys=(ClientKey(public),))
    answer = await facility.post(program.assertion(facility.clock.now()))
    assert answer.status_code == 401
    assert "PS256" in answer.json()["error_description"]
    claims = program.claims(facility.clock.now())
    signed = sign_as_told({"alg": "PS256"}, json.dumps(claims).encode(), program.private, "PS256")
    assert (await facility.post(signed)).status_code == 200


async def test_a_strict_client_sends_nothing_in_the_address(facility, strict, program):
    async def by_query(who):
        form = token_form(who.assertion(facility.clock.now()))
        async with facility.caller() as http:
            return await http.post(f"/oauth2/token?{urlencode(form)}")

    assert (await by_query(program)).status_code == 200  # the service's own rule lets others
    answer = await by_query(strict)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_tokens_may_have_to_be_bound(facility):
    program = Program(TOKEN_URL, number=1)
    await facility.register(program, dpop=True)
    assertion = program.assertion(facility.clock.now())
    answer = await facility.post(assertion)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
    async with facility.caller() as http:
        proof = KEY.proof("POST", TOKEN_URL, facility.clock.now())
        answer = await http.post("/oauth2/token", data=token_form(assertion), headers={"DPoP": proof})
    assert answer.json()["token_type"] == "DPoP"  # a request that was refused has used nothing up
    token = answer.json()["access_token"]
    assert (await facility.get(NEEDS, token)).status_code == 403
    proof = KEY.proof("GET", f"{ISSUER}{NEEDS}", facility.clock.now(), token)
    async with facility.caller() as http:
        answer = await http.get(NEEDS, headers={"Authorization": f"DPoP {token}", "DPoP": proof})
    assert answer.status_code == 200


async def test_tokens_of_before_are_refused_once_a_client_must_bind_them(facility, program):
    token = await facility.token(program)
    assert (await facility.get(NEEDS, token)).status_code == 200
    await facility.clients.change(program.client_id, actor="operator:root", dpop=True)
    assert (await facility.get(NEEDS, token)).status_code == 403
    await facility.clients.change(program.client_id, actor="operator:root", dpop=False)
    assert (await facility.get(NEEDS, token)).status_code == 200


async def test_a_client_is_made_strict_and_lax_again(facility):
    usual = {"ranges": ["127.0.0.1/32"], "actor": "operator:root"}
    key = generate_key_pair("ES256")[1]
    made = await facility.clients.create("demo1", "a", SecurityLevel.RED, keys=[key], strict=True, dpop=True, **usual)
    assert (made.strict, made.dpop) == (True, True)
    assert (await facility.clients.change(made.id, actor="operator:root", name="b")).strict is True
    changed = await facility.clients.change(made.id, actor="operator:root", strict=False)
    assert (changed.strict, changed.dpop) == (False, True)
    assert (await facility.audit_log.entries())[0].detail == "changed: strict"
    weak = {**key_pair("RS256")[1], "alg": "RS256"}
    with pytest.raises(InvalidInput, match="ES256"):
        await facility.clients.create("demo1", "c", SecurityLevel.RED, keys=[weak], strict=True, **usual)
