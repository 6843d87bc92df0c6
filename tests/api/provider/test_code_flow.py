"""Authorization code with PKCE, from the first redirect to the API."""

from dataclasses import replace
from datetime import timedelta

import pytest
from joserfc import jwk, jwt

from superfacility.facility.people import User, UserName
from superfacility.oauth.applications import Approval
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.access.provider.known import COMMAND_LINE

from .conftest import GATEWAY_URI, ISSUER, VERIFIER


async def test_from_the_first_redirect_to_the_api(house, gateway):
    first = await house.get(house.url(gateway), user=None)
    assert first.status == 303
    assert first.location.startswith("/login?next=%2Foauth2%2Fauthorize%3F")
    await house.log_in()
    page = await house.get(house.url(gateway))
    assert page.status == 200
    for words in ("Imaging gateway", "the user demo2", "see your account", "know your e-mail address", "green"):
        assert words in page.answer.text
    back = await house.submit(page, decision="allow")
    assert back.location.startswith(GATEWAY_URI + "?")
    assert back.sent["state"] == "a b&c=ß"
    assert back.sent["iss"] == ISSUER
    answer = await house.redeem(gateway, back.sent["code"])
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (body["token_type"], body["expires_in"], body["scope"]) == ("Bearer", 600, "email openid account.info:read")
    assert "refresh_token" not in body
    called = await house.call("account.info:read", body["access_token"])
    assert called.json() == {"user": "demo1", "client": gateway.id, "level": "green"}
    assert (await house.call("compute.jobs:read", body["access_token"])).status_code == 403


async def test_staff_lend_their_own_power_alone_and_not_the_facilitys(house, gateway):
    staff = await house.people.user(UserName("demo1"))
    await house.people.save_user(replace(staff, staff=True), house.audit())
    token = (await house.tokens_for(gateway))["access_token"]
    assert not (await house.tokens.authenticate(token, "127.0.0.1")).user.staff
    own = {"redirect_uri": "http://127.0.0.1/callback", "scope": "account.info:read"}
    token = (await house.tokens_for(COMMAND_LINE, **own))["access_token"]
    assert (await house.tokens.authenticate(token, "127.0.0.1")).user.staff


async def test_the_id_token_says_who_and_when(house, gateway):
    body = await house.tokens_for(gateway, scope="openid profile email")
    published = house.keys.jwks()["keys"][0]
    token = jwt.decode(body["id_token"], jwk.import_key(published))
    assert token.header["typ"] == "JWT"
    claims = token.claims
    now = int(house.clock.now().timestamp())
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, gateway.id, "demo1")
    assert (claims["email"], claims["preferred_username"]) == ("demo1@example.org", "demo1")
    assert (claims["nonce"], claims["auth_time"], claims["exp"]) == ("n-0S6", now, now + 600)
    assert claims["amr"] == ["pwd", "otp", "mfa"]


async def test_userinfo_says_what_was_allowed(house, gateway):
    body = await house.tokens_for(gateway)
    async with house.http() as http:
        answer = await http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {body['access_token']}"})
    assert answer.json() == {"sub": "demo1", "preferred_username": "demo1", "email": "demo1@example.org"}
    other = await house.tokens_for(gateway, scope="account.info:read")
    async with house.http() as http:
        answer = await http.get("/oauth2/userinfo", headers={"Authorization": f"Bearer {other['access_token']}"})
    assert answer.status_code == 403


async def test_no_is_an_answer(house, gateway):
    await house.log_in()
    back = await house.submit(await house.get(house.url(gateway)), decision="deny")
    assert (back.sent["error"], back.sent["state"], back.sent["iss"]) == ("access_denied", "a b&c=ß", ISSUER)
    assert await house.grants() == []


@pytest.mark.parametrize("decision", ["", "yes", "ALLOW"])
async def test_anything_else_is_none(house, gateway, decision):
    await house.log_in()
    page = await house.submit(await house.get(house.url(gateway)), decision=decision)
    assert page.status == 400
    assert await house.grants() == []


async def test_consent_needs_the_form_of_the_same_session(house, gateway):
    await house.log_in("demo1")
    await house.log_in("demo3")
    page = await house.get(house.url(gateway), "demo1")
    assert (await house.submit(page, "demo3", decision="allow")).status == 403
    assert (await house.submit(page, None, decision="allow")).status == 403
    assert (await house.submit(page, "demo1", decision="allow", form_token="0" * 64)).status == 403
    assert await house.grants() == await house.grants("demo3") == []


async def test_an_answer_is_remembered_for_the_same_and_less(house, gateway):
    await house.tokens_for(gateway, scope="account.info:read tasks.task:read")
    same = await house.get(house.url(gateway, scope="tasks.task:read", prompt="none"))
    assert "code" in same.sent
    more = await house.get(house.url(gateway, scope="tasks.task:read compute.jobs:read", prompt="none"))
    assert more.sent["error"] == "consent_required"
    forced = await house.get(house.url(gateway, scope="tasks.task:read", prompt="consent"))
    assert forced.status == 200
    first, second = sorted(await house.grants(), key=lambda grant: grant.created_at)
    assert second.expires_at <= first.expires_at


@pytest.mark.parametrize("uri", ["http://127.0.0.1/cb", "org.example.app:/cb"])
async def test_a_program_that_anybody_can_pass_for_is_always_asked_about(house, uri):
    native = await house.register(redirect_uris=(uri,))
    await house.code(native)
    assert (await house.get(house.url(native))).status == 200
    assert (await house.get(house.url(native, prompt="none"))).sent["error"] == "consent_required"


async def test_nobody_is_asked_where_the_application_forbids_it(house, gateway):
    page = await house.get(house.url(gateway, prompt="none"), user=None)
    assert page.sent["error"] == "login_required"


@pytest.mark.parametrize("wanted", [{"prompt": "login"}, {"max_age": "60"}, {"prompt": "select_account"}])
async def test_an_old_login_does_not_count_where_a_new_one_is_wanted(house, gateway, wanted):
    await house.log_in()
    house.clock.advance(timedelta(seconds=61))
    page = await house.get(house.url(gateway, **wanted))
    assert page.location.startswith("/login?again=1&next=")
    back = page.sent["next"]
    assert (await house.get(back)).status == 303
    await house.log_in()
    assert (await house.get(back)).status == 200


@pytest.mark.parametrize("wanted", [{"prompt": "login"}, {"max_age": "60"}])
@pytest.mark.parametrize("claimed", [0, -1000, 10_000])
async def test_nobody_says_in_the_address_that_an_old_login_counts(house, gateway, wanted, claimed):
    """`login_after` is ours, but whoever is at the browser can write it, too: it holds for as long as a login takes."""
    await house.log_in()
    house.clock.advance(timedelta(hours=0.9))
    after = int(house.clock.now().timestamp()) + claimed if claimed else 0
    page = await house.get(house.url(gateway, **wanted, login_after=after))
    assert page.location.startswith("/login?again=1&next=")
    back = page.sent["next"]
    assert (await house.get(back)).status == 303
    await house.log_in()
    assert (await house.get(back)).status == 200


async def test_red_power_ends_the_same_day(house):
    red = await house.register(level=SecurityLevel.RED)
    body = await house.tokens_for(red, scope="compute.jobs:write offline_access")
    (grant,) = await house.grants()
    assert grant.expires_at - grant.created_at == timedelta(hours=10)
    assert (await house.call("compute.jobs:write", body["access_token"])).status_code == 200
    elsewhere = await house.call("compute.jobs:write", body["access_token"], "192.0.2.1")
    assert elsewhere.status_code == 403
    assert "192.0.2.1" in elsewhere.json()["detail"]
    token = body["refresh_token"]
    for _ in range(3):
        house.clock.advance(timedelta(seconds=3 * 3600))
        token = (await house.refresh(red, token)).json()["refresh_token"]
    house.clock.advance(timedelta(seconds=3600 - 100))
    last = (await house.refresh(red, token)).json()
    assert last["expires_in"] == 100
    house.clock.advance(timedelta(seconds=101))
    assert (await house.refresh(red, last["refresh_token"])).json()["error"] == "invalid_grant"
    assert (await house.call("compute.jobs:write", last["access_token"])).status_code == 403


async def _revoke_grant(house, gateway):
    (grant,) = await house.grants()
    await house.store.revoke_grant(grant.id, house.clock.now(), house.audit())


async def _revoke_application(house, gateway):
    await house.register(id=gateway.id, revoked_at=house.clock.now())


async def _refuse_application(house, gateway):
    await house.register(id=gateway.id, approval=Approval.REFUSED)


async def _block_user(house, gateway):
    await house.people.save_user(User(1001, UserName("demo1"), active=False), house.audit())
    house.memory.generation += 1


async def _narrow_application(house, gateway):
    await house.register(id=gateway.id, scopes=frozenset())


@pytest.mark.parametrize(
    "end", [_revoke_grant, _revoke_application, _refuse_application, _block_user, _narrow_application]
)
async def test_what_is_taken_back_ends_at_once(house, gateway, end):
    body = await house.tokens_for(gateway, scope="account.info:read offline_access")
    assert (await house.call("account.info:read", body["access_token"])).status_code == 200
    await end(house, gateway)
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403
    if end is not _narrow_application:
        assert (await house.refresh(gateway, body["refresh_token"])).status_code in (400, 401)


async def test_a_code_lives_for_a_minute(house, gateway):
    code = await house.code(gateway)
    house.clock.advance(timedelta(seconds=60))
    answer = await house.redeem(gateway, code)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


async def test_a_code_that_is_shown_twice_ends_what_it_gave(house, gateway):
    code = await house.code(gateway, scope="account.info:read offline_access")
    body = (await house.redeem(gateway, code)).json()
    again = await house.redeem(gateway, code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert (await house.call("account.info:read", body["access_token"])).status_code == 403
    assert (await house.refresh(gateway, body["refresh_token"])).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_verifier": "w" * 43}, "invalid_grant"),
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": VERIFIER[:42]}, "invalid_grant"),
        ({"redirect_uri": GATEWAY_URI + "/"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"code": "guess"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"client_secret": "s"}, "invalid_client"),
        ({"client_id": "sfapi-cli"}, "invalid_grant"),
        ({"client_id": "nobody"}, "invalid_client"),
        ({"client_id": None}, "invalid_client"),
        ({"resource": "https://other.example"}, "invalid_target"),
    ],
)
async def test_a_code_is_bound_to_all_that_it_was_made_for(house, gateway, changes, error):
    code = await house.code(gateway)
    answer = await house.redeem(gateway, code, **changes)
    assert answer.json()["error"] == error
    assert answer.status_code == (401 if error == "invalid_client" else 400)
    assert (await house.redeem(gateway, code)).status_code == 200


async def test_parameters_in_the_address_are_refused(house, gateway):
    code = await house.code(gateway)
    async with house.http() as http:
        answer = await http.post(f"/oauth2/token?code={code}", data={"grant_type": "authorization_code"})
    assert answer.json()["error"] == "invalid_request"


async def test_no_secret_is_kept_or_told(house, gateway, capfd):
    code = await house.code(gateway, scope="openid account.info:read offline_access")
    body = (await house.redeem(gateway, code)).json()
    await house.refresh(gateway, body["refresh_token"])
    await house.refresh(gateway, body["refresh_token"])
    kept = repr(house.memory) + capfd.readouterr().err
    for secret in (code, body["access_token"], body["refresh_token"], body["id_token"], house.secrets["demo1"]):
        assert secret not in kept


async def test_an_application_that_is_not_approved_leads_nowhere(house):
    pending = await house.register(approval=Approval.PENDING)
    page = await house.get(house.url(pending))
    assert page.status == 400
    assert "location" not in page.answer.headers


async def test_a_project_keeps_its_application_when_its_owner_leaves(house, gateway):
    await house.people.save_user(User(1002, UserName("demo2"), active=False), house.audit())
    assert (await house.get(house.url(gateway))).status == 400
    assert gateway.project is None
    assert ClientId("sfapi-cli") in house.provider.known.built_in


async def test_the_request_may_come_by_form(house, gateway):
    query = house.url(gateway).partition("?")[2]
    async with house.http() as http:
        answer = await http.post(
            "/oauth2/authorize", content=query, headers={"Content-Type": "application/x-www-form-urlencoded"}
        )
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/oauth2/authorize?{query}"
