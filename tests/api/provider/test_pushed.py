"""Requests that are pushed first (RFC 9126), and the strict profile (FAPI 2.0)."""

import json
from datetime import timedelta

import pytest

from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.testing.proofs import DeviceKey
from superfacility.testing.tokens import LEFT_OUT, Program, sign_as_told

from .conftest import ASSERTION_TYPE, CHALLENGE, ISSUER, TOKEN_URL, VERIFIER

KEY = DeviceKey()
PUSH_URL = f"{ISSUER}/oauth2/par"
URI = "https://strict.example/cb"


@pytest.fixture
def program():
    return Program(ISSUER, client_id="strict0000001", algorithm="ES256")


@pytest.fixture
async def strict(house, program):
    return await house.register(
        id=ClientId("strict0000001"),
        name="Strict gateway",
        keys=(ClientKey(program.public),),
        redirect_uris=(URI,),
        profile=Profile.STRICT,
    )


def request(**changes):
    usual = {
        "response_type": "code",
        "redirect_uri": URI,
        "scope": "account.info:read offline_access",
        "state": "s",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    return {name: value for name, value in (usual | changes).items() if value is not None}


async def push(house, form, **headers):
    async with house.http() as http:
        return await http.post("/oauth2/par", data=form, headers=headers)


async def pushed(house, program, **changes):
    answer = await push(house, request(**changes) | house.assertion(program))
    assert answer.status_code == 201, answer.text
    return answer.json()["request_uri"]


async def go(house, application, uri, **more):
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return await house.get(f"/oauth2/authorize?client_id={application.id}&request_uri={uri}&{query}")


async def test_from_the_back_channel_to_the_api(house, strict, program):
    await house.log_in()
    uri = await pushed(house, program)
    assert uri.startswith("urn:ietf:params:oauth:request_uri:")
    page = await go(house, strict, uri)
    back = await house.submit(page, decision="allow")
    assert back.location.startswith(URI)
    form = {"grant_type": "authorization_code", "code": back.sent["code"], "redirect_uri": URI}
    form |= {"code_verifier": VERIFIER}
    without = await house.token(**form, **house.assertion(program))
    assert without.json()["error"] == "invalid_dpop_proof"
    headers = {"DPoP": house.proof(KEY, "POST", TOKEN_URL)}
    answer = await house.token(**form, **house.assertion(program), headers=headers)
    assert answer.json()["token_type"] == "DPoP"


async def test_a_request_is_good_once(house, strict, program):
    await house.log_in()
    uri = await pushed(house, program)
    page = await go(house, strict, uri)
    second = await go(house, strict, uri)
    assert (page.status, second.status) == (200, 200), "a page may be loaded again"
    assert (await house.submit(page, decision="allow")).status == 303
    again = await house.submit(second, decision="allow")
    assert (again.status, "location" in again.answer.headers) == (400, False)
    assert len(await house.grants()) == 1


async def test_a_request_lives_for_minutes_and_for_its_own_application(house, strict, program, gateway):
    uri = await pushed(house, program)
    assert (await go(house, gateway, uri)).status == 400
    house.clock.advance(timedelta(seconds=300))
    assert (await go(house, strict, uri)).status == 400
    assert (await go(house, strict, uri + "x")).status == 400


async def test_what_comes_beside_it_does_not_count(house, strict, program):
    await house.log_in()
    uri = await pushed(house, program)
    page = await go(house, strict, uri, scope="compute.jobs:read", redirect_uri="https://evil.example", state="evil")
    assert "evil" not in page.answer.text.replace(page.fields["request"].replace("&", "&amp;"), "")
    back = await house.submit(page, decision="allow")
    assert back.location.startswith(URI)
    assert back.sent["state"] == "s"
    assert {scope.value for scope in (await house.grants())[0].scopes} == {"account.info:read"}


async def test_a_new_login_is_wanted_once(house, strict, program):
    await house.log_in()
    house.clock.advance(timedelta(seconds=10))
    uri = await pushed(house, program, prompt="login")
    page = await go(house, strict, uri)
    assert page.location.startswith("/login?again=1")
    await house.log_in()
    assert (await house.get(page.sent["next"])).status == 200


async def test_the_strict_profile_takes_nothing_by_the_front_channel(house, strict):
    page = await house.get(house.url(strict))
    assert page.sent["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": TOKEN_URL},
        {"aud": [ISSUER]},
        {"jti": LEFT_OUT},
        {"iat": LEFT_OUT},
        {"exp": 10**12},
    ],
)
async def test_the_strict_profile_wants_proofs_of_a_minute_for_the_issuer(house, strict, program, changes):
    answer = await push(house, request() | house.assertion(program, **changes))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_the_strict_profile_wants_newer_signatures(house):
    rsa = Program(ISSUER, client_id="strict0000002", algorithm="RS256")
    keys = (ClientKey({name: value for name, value in rsa.public.items() if name != "alg"}),)
    await house.register(
        id=ClientId("strict0000002"), name="RSA", keys=keys, redirect_uris=(URI,), profile=Profile.STRICT
    )
    answer = await push(house, request() | house.assertion(rsa))
    assert answer.json()["error"] == "invalid_client"
    now = house.clock.now()
    claims = json.dumps(rsa.claims(now)).encode()
    signed = sign_as_told({"typ": "JWT", "alg": "PS256"}, claims, rsa.private, "PS256")
    good = {"client_assertion": signed, "client_assertion_type": ASSERTION_TYPE}
    assert (await push(house, request() | good)).status_code == 201


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "nonsense"}, "invalid_scope"),
        ({"code_challenge": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.example/cb"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"request_uri": "urn:ietf:params:oauth:request_uri:x"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"),
        ({"resource": "https://evil.example"}, "invalid_target"),
        ({"ui_locales": "x" * 8192}, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_said_at_once(house, strict, program, changes, error):
    answer = await push(house, request(**changes) | house.assertion(program))
    assert (answer.status_code, answer.json()["error"]) == (400, error)


async def test_nobody_pushes_for_another(house, strict, gateway):
    answer = await push(house, request(client_id=strict.id))
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
    public = await push(house, request(client_id=gateway.id, redirect_uri=gateway.redirect_uris[0]))
    assert public.status_code == 201


async def test_a_key_that_is_shown_at_first_is_the_key(house, strict, program):
    await house.log_in()
    proof = house.proof(KEY, "POST", PUSH_URL)
    answer = await push(house, request() | house.assertion(program), DPoP=proof)
    page = await house.submit(await go(house, strict, answer.json()["request_uri"]), decision="allow")
    form = {"grant_type": "authorization_code", "code": page.sent["code"], "redirect_uri": URI}
    form |= {"code_verifier": VERIFIER}
    other = {"DPoP": house.proof(DeviceKey(101), "POST", TOKEN_URL)}
    assert (await house.token(**form, **house.assertion(program), headers=other)).json()["error"] == (
        "invalid_dpop_proof"
    )
    wrong = await push(
        house, request(dpop_jkt="x" * 43) | house.assertion(program), DPoP=house.proof(KEY, "POST", PUSH_URL)
    )
    assert wrong.json()["error"] == "invalid_dpop_proof"
