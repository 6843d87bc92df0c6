"""Logging in at an identity provider: one that is honest, and one that is not."""

import hmac
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock
from urllib.parse import urlencode

import pytest
from joserfc import jwk
from joserfc.util import json_b64encode, urlsafe_b64decode, urlsafe_b64encode

from superfacility.facility.errors import Doubtful
from superfacility.facility.people import ProjectName, Role, User, UserName
from superfacility.oauth.signatures import sign
from superfacility.testing.stores import MemoryIdentityStore

ADA = {"preferred_username": "ada", "given_name": "Ada", "family_name": "L", "email": "a@lab.example"}
DEMO1 = {"preferred_username": "demo1", "groups": []}


async def log_in(login_site: Any, browser: Any, *, at: str = "lab", subject: str = "s-1", **claims: Any) -> Any:
    answer = await browser.http.get(f"/login/with/{at}", params={"next": "/account"})
    double = getattr(login_site, at)
    back = double.visit(answer.headers["location"], subject, **claims)
    return await browser.open(f"/login/callback/{at}?{_query(back)}")


def _query(answer: dict[str, str]) -> str:
    return urlencode(answer)


async def test_a_user_logs_in_and_out_of_both(login_site: Any) -> None:
    browser = login_site.browser()
    page = await log_in(login_site, browser, **DEMO1, amr=["pwd", "mfa"])
    assert "Your account" in page.text
    assert "with Lab" in page.text
    session = await login_site.login.sessions.current(browser.session)
    assert (session.user, session.provider, session.methods) == ("demo1", "lab", ("pwd", "mfa"))
    await browser.open("/logout")
    answer = (await browser.submit()).answer
    onward = answer.headers["refresh"]
    assert onward.startswith("0; url=https://lab.example/logout?id_token_hint=")
    assert "post_logout_redirect_uri=https%3A%2F%2Ffacility.example%2Flogged-out" in onward
    assert browser.session is None


async def test_doubt_about_what_a_login_writes_down_is_no_conflict(
    login_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = login_site.browser()
    with monkeypatch.context() as lost:
        lost.setattr(MemoryIdentityStore, "link", AsyncMock(side_effect=Doubtful("look before you try again")))
        page = await log_in(login_site, browser, **DEMO1)
    assert (page.answer.status_code, page.answer.headers["retry-after"]) == (503, "5")
    assert "log in again" in page.text
    assert "Begin again" in page.text
    assert "Your account" in (await log_in(login_site, browser, **DEMO1)).text


async def test_a_person_whom_nobody_knows_is_made_a_user_only_where_that_is_wanted(login_site: Any) -> None:
    page = await log_in(login_site, login_site.browser(), at="other", **ADA)
    assert "knows no such user" in page.text
    assert await login_site.site.people.user(UserName("ada")) is None
    assert "Your account" in (await log_in(login_site, login_site.browser(), **ADA)).text
    found = await login_site.site.people.user(UserName("ada"))
    assert (found.first_name, found.last_name, found.email, found.staff) == ("Ada", "L", "a@lab.example", False)


@pytest.mark.parametrize("name", ["", "-x", "../../etc", "a b", "root\n", 7, None, ["demo1"]])
async def test_names_that_cannot_be_users(login_site: Any, name: Any) -> None:
    before = len(await login_site.site.people.users())
    page = await log_in(login_site, login_site.browser(), preferred_username=name)
    assert page.answer.status_code == 403
    assert len(await login_site.site.people.users()) == before


@pytest.mark.parametrize("name", ["root", "Slurm", "ubuntu", "systemd-network", "postgres"])
async def test_no_user_is_made_with_the_name_of_an_account_of_machines(login_site: Any, name: str) -> None:
    """Whoever may choose a name at the provider would sign in to the login nodes as that account."""
    page = await log_in(login_site, login_site.browser(), preferred_username=name)
    assert page.answer.status_code == 403
    assert "machines" in page.text
    assert await login_site.site.people.user(UserName(name)) is None


async def test_groups_make_staff_and_members(login_site: Any) -> None:
    people, project = login_site.site.people, ProjectName("m0001")
    await log_in(login_site, login_site.browser(), **ADA, groups=["ops", "grp1", "else"])
    assert (await people.user(UserName("ada"))).staff
    assert [each.role for each in await people.memberships(user=UserName("ada"))] == [Role.USER]
    await log_in(login_site, login_site.browser(), **ADA, groups=["else"])
    assert not (await people.user(UserName("ada"))).staff
    assert await people.memberships(user=UserName("ada"), project=project) == []
    await log_in(login_site, login_site.browser(), subject="s-2", **DEMO1)  # a PI by other means stays one
    assert [each.role for each in await people.memberships(user=UserName("demo1"))] == [Role.PI]


async def test_a_name_that_was_given_to_somebody_else_opens_nothing(login_site: Any) -> None:
    await log_in(login_site, login_site.browser(), subject="s-1", **DEMO1)
    page = await log_in(login_site, login_site.browser(), subject="s-2", **DEMO1)
    assert "belongs to another person" in page.text
    page = await log_in(login_site, login_site.browser(), subject="s-1", preferred_username="demo2", groups=[])
    assert "known here as demo1" in page.text
    page = await log_in(login_site, login_site.browser(), at="other", subject="s-9", **DEMO1)
    assert "Your account" in page.text  # the facility trusts both


async def test_who_may_not_use_the_facility_does_not_log_in(login_site: Any) -> None:
    await login_site.site.people.save_user(User(0, UserName("gone"), active=False), login_site.site.audit(), new=True)
    page = await log_in(login_site, login_site.browser(), preferred_username="gone", groups=[])
    assert "may not use" in page.text


async def test_claims_that_the_id_token_leaves_out_come_from_userinfo(login_site: Any) -> None:
    login_site.lab.bend_claims = lambda claims: {k: v for k, v in claims.items() if k not in DEMO1}
    assert "Your account" in (await log_in(login_site, login_site.browser(), **DEMO1)).text
    login_site.lab.bend_userinfo = lambda claims: {**claims, "sub": "somebody else"}
    assert "does not prove" in (await log_in(login_site, login_site.browser(), **DEMO1)).text


async def test_a_provider_may_decline(login_site: Any) -> None:
    def declined(answer: dict[str, str]) -> dict[str, str]:
        return {
            "error": "access_denied",
            "error_description": "<b>no</b>",
            "state": answer["state"],
            "iss": answer["iss"],
        }

    login_site.lab.bend_answer = declined
    page = await log_in(login_site, login_site.browser(), **DEMO1)
    assert "did not log in" in page.text
    assert "<b>" not in page.text
    assert "/login" in page.links


Bend = Callable[[Any], None]


def _claims(**changes: Any) -> Bend:
    def bend(double: Any) -> None:
        double.bend_claims = lambda claims: {k: v for k, v in {**claims, **changes}.items() if v is not ...}

    return bend


def _answer(**changes: Any) -> Bend:
    def bend(double: Any) -> None:
        double.bend_answer = lambda answer: {k: v for k, v in {**answer, **changes}.items() if v is not ...}

    return bend


def _token(make: Callable[[str, Any], str]) -> Bend:
    def bend(double: Any) -> None:
        double.bend_token = lambda token: make(token, double)

    return bend


def _none(token: str, double: Any) -> str:
    header = urlsafe_b64encode(json.dumps({"alg": "none"}).encode()).decode()
    return f"{header}.{token.split('.')[1]}."


def _with_public_key_as_secret(token: str, double: Any) -> str:
    signed = f"{json_b64encode({'alg': 'HS256'}).decode()}.{token.split('.')[1]}"
    digest = hmac.digest(double.key.as_pem(private=False), signed.encode(), "sha256")
    return f"{signed}.{urlsafe_b64encode(digest).decode()}"


def _of_another_key(token: str, double: Any) -> str:
    header, payload, _ = token.split(".")
    return sign(header.encode(), urlsafe_b64decode(payload.encode()), "ES256", jwk.ECKey.generate_key("P-256"))


def _with_own_key_inside(token: str, double: Any) -> str:
    key = jwk.ECKey.generate_key("P-256")
    header = json_b64encode({"alg": "ES256", "jwk": key.as_dict(private=False)})
    return sign(header, urlsafe_b64decode(token.split(".")[1].encode()), "ES256", key)


def _metadata(**changes: Any) -> Bend:
    def bend(double: Any) -> None:
        double.bend_metadata = lambda found: {k: v for k, v in {**found, **changes}.items() if v is not ...}

    return bend


ATTACKS: dict[str, Bend] = {
    "nonce of another login": _claims(nonce="x" * 43),
    "no nonce": _claims(nonce=...),
    "nonce no text": _claims(nonce=7),
    "another issuer in the token": _claims(iss="https://evil.example"),
    "issuer with a slash": _claims(iss="https://lab.example/"),
    "another audience": _claims(aud="somebody"),
    "audience with a part of ours": _claims(aud="superfacility-x"),
    "many audiences without azp": _claims(aud=["superfacility", "somebody"]),
    "azp is somebody else": _claims(azp="somebody"),
    "many audiences, azp somebody else": _claims(aud=["superfacility", "somebody"], azp="somebody"),
    "no audience": _claims(aud=...),
    "expired": _claims(exp=1),
    "no expiry": _claims(exp=...),
    "expiry no number": _claims(exp="2999"),
    "expiry true": _claims(exp=True),
    "issued long ago": _claims(iat=1),
    "issued tomorrow": _claims(iat=4_000_000_000),
    "not valid yet": _claims(nbf=4_000_000_000),
    "no subject": _claims(sub=...),
    "empty subject": _claims(sub=""),
    "subject no text": _claims(sub=["s-1"]),
    "hash of another access token": _claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "alg none": _token(_none),
    "public key as secret": _token(_with_public_key_as_secret),
    "another key": _token(_of_another_key),
    "key inside the token": _token(_with_own_key_inside),
    "no token": _token(lambda token, _: ""),
    "cut short": _token(lambda token, _: token[:-10]),
    "no iss in the answer (RFC 9207)": _answer(iss=...),
    "iss of another (mix-up)": _answer(iss="https://other.example"),
    "state of another": _answer(state="x" * 43),
    "no state": _answer(state=...),
    "no code": _answer(code=...),
    "another code": _answer(code="guessed"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_an_answer_that_proves_nothing_logs_nobody_in(login_site: Any, attack: str) -> None:
    ATTACKS[attack](login_site.lab)
    browser = login_site.browser()
    page = await log_in(login_site, browser, **DEMO1)
    assert page.answer.status_code == 403, page.text
    assert browser.session is None
    assert login_site.site.memory.login_sessions == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "https://lab.example/"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": "https://evil.example/keys"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": ...},
        {"jwks_uri": 7},
    ],
)
async def test_a_provider_that_says_odd_things_of_itself_is_not_used(login_site: Any, changes: dict[str, Any]) -> None:
    _metadata(**changes)(login_site.lab)
    answer = await login_site.browser().http.get("/login/with/lab")
    assert answer.status_code == 503
    assert "identity provider does not answer as it should" in answer.text


async def test_a_code_counts_once(login_site: Any) -> None:
    browser = login_site.browser()
    answer = await browser.http.get("/login/with/lab")
    kept = dict(browser.http.cookies)
    back = _query(login_site.lab.visit(answer.headers["location"], **DEMO1))
    assert "Your account" in (await browser.open(f"/login/callback/lab?{back}")).text
    assert "Begin again" in (await browser.open(f"/login/callback/lab?{back}")).text
    again = login_site.browser()
    for name, value in kept.items():
        again.http.cookies.set(name, value, domain="facility.example")
    assert (await again.open(f"/login/callback/lab?{back}")).answer.status_code == 403
    assert again.session is None


async def test_an_answer_counts_in_the_browser_that_asked(login_site: Any) -> None:
    attacker, victim = login_site.browser(), login_site.browser()
    answer = await attacker.http.get("/login/with/lab")
    back = _query(login_site.lab.visit(answer.headers["location"], **DEMO1))
    assert (await victim.open(f"/login/callback/lab?{back}")).answer.status_code == 403
    await victim.http.get("/login/with/lab")
    assert (await victim.open(f"/login/callback/lab?{back}")).answer.status_code == 403
    assert victim.session is None


async def test_an_answer_counts_at_its_own_providers_address(login_site: Any) -> None:
    """Mix-up: the answer of one provider brought to another's address."""
    browser = login_site.browser()
    answer = await browser.http.get("/login/with/lab")
    back = _query(login_site.lab.visit(answer.headers["location"], **DEMO1))
    assert (await browser.open(f"/login/callback/other?{back}")).answer.status_code == 403
    assert login_site.other.asked == []
    assert browser.session is None


async def test_the_verifier_is_bound_to_the_browser(login_site: Any) -> None:
    """PKCE: a code that somebody else was given does not fit."""
    thief, owner = login_site.browser(), login_site.browser()
    stolen = login_site.lab.visit((await owner.http.get("/login/with/lab")).headers["location"], **DEMO1)
    own = login_site.lab.visit((await thief.http.get("/login/with/lab")).headers["location"], "s-7", **ADA)
    page = await thief.open(f"/login/callback/lab?{_query({**own, 'code': stolen['code']})}")
    assert page.answer.status_code == 403
    assert thief.session is None


async def test_parameters_that_come_twice_are_refused(login_site: Any) -> None:
    browser = login_site.browser()
    answer = await browser.http.get("/login/with/lab")
    back = _query(login_site.lab.visit(answer.headers["location"], **DEMO1))
    assert (await browser.open(f"/login/callback/lab?{back}&code=x")).answer.status_code == 403


async def test_a_login_there_may_take_ten_minutes(login_site: Any) -> None:
    browser = login_site.browser()
    answer = await browser.http.get("/login/with/lab")
    back = _query(login_site.lab.visit(answer.headers["location"], **DEMO1))
    login_site.site.clock.advance(timedelta(minutes=10))
    assert "took too long" in (await browser.open(f"/login/callback/lab?{back}")).text


async def test_new_keys_are_found_and_old_ones_not_asked_for_again(login_site: Any) -> None:
    lab = login_site.lab
    for _ in range(3):
        await log_in(login_site, login_site.browser(), **DEMO1)
    assert lab.asked.count("/keys") == lab.asked.count("/.well-known/openid-configuration") == 1
    login_site.site.clock.advance(timedelta(seconds=31))
    lab.key = jwk.ECKey.generate_key("P-256")
    assert "Your account" in (await log_in(login_site, login_site.browser(), **DEMO1)).text
    assert lab.asked.count("/keys") == 2
    lab.bend_header = lambda header: {**header, "kid": "unheard of"}
    for _ in range(3):
        assert (await log_in(login_site, login_site.browser(), **DEMO1)).answer.status_code == 403
    assert lab.asked.count("/keys") == 2  # anybody can name keys: not more than one look in half a minute


async def test_a_provider_that_is_away(login_site: Any) -> None:
    login_site.lab.down = True
    answer = await login_site.browser().http.get("/login/with/lab")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "https://lab.example" not in answer.text
