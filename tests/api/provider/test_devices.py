"""The device flow (RFC 8628), and those who would abuse it."""

from datetime import timedelta

import pytest

from superfacility.oauth.clients import ClientId
from superfacility.oauth.provider.secrets import USER_CODE_ALPHABET, digest, plain_user_code
from superfacility.testing.proofs import DeviceKey

from .conftest import ISSUER, TOKEN_URL

GRANT = "urn:ietf:params:oauth:grant-type:device_code"


async def begin(house, client_id="sfapi-cli", scope="account.info:read offline_access", address="192.0.2.9", **form):
    async with house.http(address) as http:
        return await http.post("/oauth2/device_authorization", data={"client_id": client_id, "scope": scope} | form)


async def poll(house, begun, client_id="sfapi-cli", **more):
    return await house.token(grant_type=GRANT, client_id=client_id, device_code=begun["device_code"], **more)


async def typed(house, code, user="demo1"):
    page = await house.get("/oauth2/device", user)
    return await house.submit(page, user, user_code=code)


async def test_from_the_device_to_the_api(house):
    await house.log_in()
    begun = (await begin(house)).json()
    assert begun["verification_uri"] == f"{ISSUER}/oauth2/device"
    assert (begun["interval"], begun["expires_in"]) == (5, 600)
    assert plain_user_code(begun["user_code"])
    waiting = await poll(house, begun)
    assert (waiting.status_code, waiting.json()["error"]) == (400, "authorization_pending")
    page = await typed(house, begun["user_code"].lower().replace("-", " "))
    for words in (begun["user_code"], "the sfapi command line", "192.0.2.9", "not the address of this browser"):
        assert words in page.answer.text
    for words in ("see your account", "demo1", "Allow this only if you have just started the login yourself"):
        assert words in page.answer.text
    done = await house.submit(page, decision="allow")
    assert "is logged in now" in done.answer.text
    body = (await poll(house, begun)).json()
    called = await house.call("account.info:read", body["access_token"])
    assert called.json() == {"user": "demo1", "client": "sfapi-cli", "level": "green"}
    assert "refresh_token" in body


async def test_no_is_an_answer(house):
    await house.log_in()
    begun = (await begin(house)).json()
    page = await typed(house, begun["user_code"])
    assert "was told no" in (await house.submit(page, decision="deny")).answer.text
    assert (await poll(house, begun)).json()["error"] == "access_denied"
    assert await house.grants() == []


async def test_a_device_that_asks_too_often_waits_longer(house):
    begun = (await begin(house)).json()
    for seconds, error in ((0, "authorization_pending"), (5, "authorization_pending"), (4, "slow_down")):
        house.clock.advance(timedelta(seconds=seconds))
        assert (await poll(house, begun)).json()["error"] == error
    house.clock.advance(timedelta(seconds=9))
    assert (await poll(house, begun)).json()["error"] == "slow_down"
    house.clock.advance(timedelta(seconds=15))
    assert (await poll(house, begun)).json()["error"] == "authorization_pending"


async def test_nobody_waits_for_ever(house):
    await house.log_in()
    begun = (await begin(house)).json()
    page = await typed(house, begun["user_code"])
    house.clock.advance(timedelta(minutes=10))
    assert (await poll(house, begun)).json()["error"] == "expired_token"
    assert (await typed(house, begun["user_code"])).status == 404
    assert (await house.submit(page, decision="allow")).status == 404


async def test_the_device_takes_its_tokens_once(house):
    await house.log_in()
    begun = (await begin(house)).json()
    await house.submit(await typed(house, begun["user_code"]), decision="allow")
    body = (await poll(house, begun)).json()
    assert (await poll(house, begun)).json()["error"] == "invalid_grant"
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403


async def test_another_program_gets_nothing(house):
    other = await house.register(device=True)
    await house.log_in()
    begun = (await begin(house)).json()
    await house.submit(await typed(house, begun["user_code"]), decision="allow")
    assert (await poll(house, begun, client_id=other.id)).json()["error"] == "invalid_grant"
    assert (await poll(house, {"device_code": "guess"})).json()["error"] == "invalid_grant"
    assert (await poll(house, begun)).status_code == 200


async def test_nothing_is_allowed_without_a_look(house):
    """A link that is sent to people fills the code in; it takes two answers of theirs to allow anything."""
    begun = (await begin(house)).json()
    stranger = await house.get(begun["verification_uri_complete"].removeprefix(ISSUER), user=None)
    assert stranger.location.startswith("/login?next=")
    await house.log_in()
    page = await house.get(begun["verification_uri_complete"].removeprefix(ISSUER))
    assert f'value="{begun["user_code"]}"' in page.answer.text
    assert "If somebody sent you here" in page.answer.text
    assert (await poll(house, begun)).json()["error"] == "authorization_pending"
    await house.submit(page, user_code=begun["user_code"])
    house.clock.advance(timedelta(seconds=10))
    assert (await poll(house, begun)).json()["error"] == "authorization_pending"


async def test_an_answer_needs_the_form_of_the_same_session(house):
    await house.log_in("demo1")
    await house.log_in("demo3")
    begun = (await begin(house)).json()
    page = await typed(house, begun["user_code"], "demo1")
    for user, changes in (("demo3", {}), (None, {}), ("demo1", {"form_token": "0" * 64})):
        assert (await house.submit(page, user, decision="allow", **changes)).status == 403
    assert (await house.submit(page, "demo1", decision="perhaps")).status == 400
    assert (await poll(house, begun)).json()["error"] == "authorization_pending"


async def test_codes_cannot_be_guessed(house):
    """Ten an hour's sixth part; right or wrong, seen or answered, from however many pages at once."""
    await house.log_in("demo1")
    await house.log_in("demo3")
    begun = (await begin(house)).json()
    pages = [await typed(house, USER_CODE_ALPHABET[:8]) for _ in range(10)]
    assert {page.status for page in pages} == {404}
    barred = await typed(house, begun["user_code"])
    assert barred.status == 403
    assert "wait" in barred.answer.text
    assert (await typed(house, begun["user_code"], "demo3")).status == 200
    house.clock.advance(timedelta(minutes=10, seconds=1))
    fresh = (await begin(house)).json()
    assert (await typed(house, fresh["user_code"])).status == 200


@pytest.mark.parametrize("code", ["", "x", "AAAA-AAAA", "WDJB-MJH", "WDJB-MJHTT", "WDJB\0MJHT", "'; --", "ẄDJB-MJHT"])
async def test_what_is_no_code_is_not_found(house, code):
    await house.log_in()
    page = await typed(house, code)
    assert page.status == 404
    assert "<script" not in page.answer.text


async def test_a_device_asks_for_no_more_than_its_application_may(house, gateway):
    assert (await begin(house, gateway.id)).json()["error"] == "unauthorized_client"
    yellow = await house.register(id=ClientId("gateway000002"), name="Device", device=True)
    for wrong in ("compute.jobs:write", "nonsense", "", "offline_access"):
        assert (await begin(house, yellow.id, wrong)).json()["error"] == "invalid_scope"
    assert (await begin(house, "nobody")).status_code == 401
    assert (await begin(house, resource="https://evil.example")).json()["error"] == "invalid_target"


async def test_a_device_may_bind_its_tokens(house):
    await house.log_in()
    begun = (await begin(house)).json()
    await house.submit(await typed(house, begun["user_code"]), decision="allow")
    key = DeviceKey()
    body = (await poll(house, begun, headers={"DPoP": house.proof(key, "POST", TOKEN_URL)})).json()
    assert body["token_type"] == "DPoP"
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403


async def test_no_code_is_kept(house):
    await house.log_in()
    begun = (await begin(house)).json()
    await house.submit(await typed(house, begun["user_code"]), decision="allow")
    kept = repr(house.memory)
    assert begun["device_code"] not in kept
    assert begun["user_code"] not in kept
    assert plain_user_code(begun["user_code"]) not in kept
    assert digest(begun["device_code"]) in kept
