"""Tokens that are bound to a key (RFC 9449)."""

from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from superfacility.facility.errors import Doubtful
from superfacility.oauth.clients import ClientId
from superfacility.testing.proofs import DeviceKey
from superfacility.testing.stores import MemoryAssertionLog
from superfacility.testing.tokens import LEFT_OUT, Program, key_pair, token_form

from .conftest import ISSUER, TOKEN_URL

API_URL = f"{ISSUER}/needs/account.info:read"
KEY = DeviceKey()
OTHER = DeviceKey(101)


@pytest.fixture
async def token(house, gateway):
    code = await house.code(gateway, scope="account.info:read")
    body = (await house.redeem(gateway, code, headers={"DPoP": house.proof(KEY, "POST", TOKEN_URL)})).json()
    assert body["token_type"] == "DPoP"
    return body["access_token"]


async def call(house, token, *proofs, scheme="DPoP", path="/needs/account.info:read"):
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
    async with house.http() as http:
        return await http.get(path, headers=headers)


async def test_it_opens_with_its_key_alone(house, token):
    answer = await call(house, token, house.proof(KEY, "GET", API_URL, token))
    assert answer.status_code == 200
    assert (await call(house, token, house.proof(OTHER, "GET", API_URL, token))).status_code == 403
    assert (await call(house, token)).status_code == 403


async def test_as_bearer_it_opens_nothing(house, token):
    for proofs in ((), (house.proof(KEY, "GET", API_URL, token),)):
        answer = await call(house, token, *proofs, scheme="Bearer")
        assert answer.status_code == 403
        assert answer.headers["www-authenticate"].startswith("DPoP error=")


async def test_a_proof_is_good_once(house, token):
    proof = house.proof(KEY, "GET", API_URL, token)
    assert (await call(house, token, proof)).status_code == 200
    assert (await call(house, token, proof)).status_code == 403


async def test_doubt_about_a_proof_is_no_conflict(house, token, monkeypatch):
    """Nothing else was done: the program comes again, with a new proof."""
    with monkeypatch.context() as lost:
        lost.setattr(MemoryAssertionLog, "use", AsyncMock(side_effect=Doubtful("look before you try again")))
        answer = await call(house, token, house.proof(KEY, "GET", API_URL, token))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "a new jti" in answer.json()["detail"]
    assert (await call(house, token, house.proof(KEY, "GET", API_URL, token))).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"htm": "POST"},
        {"htm": "get"},
        {"htm": LEFT_OUT},
        {"htu": f"{ISSUER}/needs/tasks.task:read"},
        {"htu": "https://evil.example/needs/account.info:read"},
        {"htu": "http://facility.example/needs/account.info:read"},
        {"htu": "/needs/account.info:read"},
        {"htu": f"https://facility.example:444{'/needs/account.info:read'}"},
        {"htu": "https://facility.example:x/"},
        {"htu": 1},
        {"htu": LEFT_OUT},
        {"iat": 0},
        {"iat": "now"},
        {"iat": True},
        {"iat": float("inf")},
        {"iat": 10**400},
        {"iat": LEFT_OUT},
        {"jti": ""},
        {"jti": 1},
        {"jti": "j" * 256},
        {"jti": LEFT_OUT},
        {"ath": LEFT_OUT},
        {"ath": "x"},
        {"ath": 1},
        {"header": {"typ": "JWT"}},
        {"header": {"typ": LEFT_OUT}},
        {"header": {"alg": "none"}},
        {"header": {"alg": "HS256"}},
        {"header": {"alg": "RS256"}},
        {"header": {"jwk": LEFT_OUT}},
        {"header": {"jwk": OTHER.public}},
        {"header": {"jwk": key_pair("ES256", 100)[0]}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
        {"header": {"jwk": "x"}},
        {"header": {"jku": "https://evil.example/keys"}},
        {"header": {"kid": "1"}},
        {"header": {"crit": ["b64"], "b64": False}},
    ],
)
async def test_a_proof_is_made_for_one_request(house, token, changes):
    answer = await call(house, token, house.proof(KEY, "GET", API_URL, token, **changes))
    assert answer.status_code == 403
    assert 'error="invalid_dpop_proof"' in answer.headers["www-authenticate"]
    good = house.proof(KEY, "GET", API_URL + "?x=1#y", token)
    assert (await call(house, token, good, path="/needs/account.info:read?z=2")).status_code == 200


@pytest.mark.parametrize(("seconds", "status"), [(-61, 403), (-59, 200), (59, 200), (61, 403)])
async def test_a_proof_is_made_now(house, token, seconds, status):
    issued = int((house.clock.now() + timedelta(seconds=seconds)).timestamp())
    assert (await call(house, token, house.proof(KEY, "GET", API_URL, token, iat=issued))).status_code == status


async def test_several_proofs_are_none(house, token):
    proofs = [house.proof(KEY, "GET", API_URL, token) for _ in range(2)]
    assert (await call(house, token, *proofs)).status_code == 403
    assert (await call(house, token, "garbage")).status_code == 403
    assert (await call(house, token, "a" * 7000)).status_code == 403


async def test_a_token_of_no_key_is_no_dpop_token(house, gateway):
    token = (await house.tokens_for(gateway))["access_token"]
    assert (await call(house, token, house.proof(KEY, "GET", API_URL, token))).status_code == 403


async def test_what_was_announced_counts(house, gateway):
    code = await house.code(gateway, dpop_jkt=KEY.thumbprint)
    for headers in ({}, {"DPoP": house.proof(OTHER, "POST", TOKEN_URL)}):
        answer = await house.redeem(gateway, code, headers=headers)
        assert answer.json()["error"] == "invalid_dpop_proof"
    good = {"DPoP": house.proof(KEY, "POST", TOKEN_URL)}
    assert (await house.redeem(gateway, code, headers=good)).status_code == 200


async def test_an_application_may_have_to(house):
    bound = await house.register(dpop=True)
    code = await house.code(bound)
    assert (await house.redeem(bound, code)).json()["error"] == "invalid_dpop_proof"
    wrong = {"DPoP": house.proof(KEY, "POST", f"{ISSUER}/oauth2/par")}
    assert (await house.redeem(bound, code, headers=wrong)).json()["error"] == "invalid_dpop_proof"
    good = {"DPoP": house.proof(KEY, "POST", TOKEN_URL)}
    assert (await house.redeem(bound, code, headers=good)).json()["token_type"] == "DPoP"


async def test_a_client_that_acts_as_itself_may_bind_its_tokens(house):
    program = Program(TOKEN_URL, client_id=ClientId("abcdefghijk01"))
    await house.clients.save(program.client("demo1", house.clock.now()), house.audit(), new=True)
    form = token_form(program.assertion(house.clock.now()))
    answer = await house.token(**form, headers={"DPoP": house.proof(KEY, "POST", TOKEN_URL)})
    assert answer.json()["token_type"] == "DPoP"
    token = answer.json()["access_token"]
    assert (await call(house, token, scheme="Bearer")).status_code == 403
    assert (await call(house, token, house.proof(KEY, "GET", API_URL, token))).status_code == 200
