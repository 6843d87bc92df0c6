"""Sessions of browsers, and what other sites may try with them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from superfacility.auth.pages.targets import LONGEST, safe_target
from superfacility.facility.errors import Doubtful
from superfacility.facility.people import UserName
from superfacility.services.access.login import Appearance, LoggedIn, Logo
from superfacility.testing.stores import MemoryLoginSessionStore

DEMO1 = UserName("demo1")
ELSEWHERE = [
    "https://evil.example",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/ /evil.example",
    "/a//evil.example",
    "/.//evil.example",
    "/..//evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "evil.example",
    "@evil.example",
    "https:evil.example",
    "http:/evil.example",
    "/account#@evil.example",
    "/ä",
    "/\x00",
    "/\u2028/evil.example",
    "/％2f/evil.example",
    "/?x=\\",
    "/?x y",
    "",
    "/" + "a" * LONGEST,
]
OURS = [
    "/",
    "/account",
    "/oauth2/authorize?client_id=a&redirect_uri=https%3A%2F%2Fx.example%2Fcb&scope=a+b",
    "/a/?x=//y",
]


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_login_leads_to_another_site(target: str) -> None:
    assert safe_target(target) is None


@pytest.mark.parametrize("target", OURS)
def test_a_login_leads_back_to_our_pages(target: str) -> None:
    assert safe_target(target) == target


@pytest.mark.parametrize("target", [target for target in ELSEWHERE if target])
async def test_what_was_asked_for_from_elsewhere_is_left_out(login_site: Any, target: str) -> None:
    await login_site.with_password()
    login_site.with_login(built_in=_optional(login_site))
    browser = login_site.browser()
    answer = await browser.http.get("/login", params={"next": target})
    assert "evil" not in answer.text
    await browser.open("/login")
    fields = browser.page.forms[0][1] | {"user": "demo1", "password": "green lamps sing loudly", "next": target}
    entered = await browser.http.post("/login", data=fields, headers={"origin": "https://facility.example"})
    assert entered.headers["refresh"] == "0; url=/account"
    away = await browser.http.get("/login/with/lab", params={"next": target})
    assert away.headers["location"].startswith("https://lab.example/authorize?")


async def test_a_login_takes_a_new_secret(login_site: Any) -> None:
    """Fixation: what a browser was made to carry before is worth nothing afterwards."""
    browser = await _logged_in(login_site)
    first = browser.session
    browser.http.cookies.set("__Host-sfapi_session", "chosen-by-somebody", domain="facility.example")
    assert "Log in" in (await browser.open("/account")).text
    browser.http.cookies.delete("__Host-sfapi_session", domain="facility.example")
    await _enter(login_site, browser)
    second = browser.session
    await _enter(login_site, browser)
    assert len({first, second, browser.session, "chosen-by-somebody"}) == 4
    assert await login_site.login.sessions.current(second) is None  # replaced by the third


async def test_a_session_ends_with_idleness_age_and_the_users_access(login_site: Any) -> None:
    clock, sessions = login_site.site.clock, login_site.login.sessions
    secret, _ = await sessions.begin(LoggedIn(DEMO1, "lab", ("pwd",)), "192.0.2.1")
    for _ in range(3):
        clock.advance(timedelta(minutes=59))
        assert await sessions.current(secret) is not None
    clock.advance(timedelta(hours=1))
    assert await sessions.current(secret) is None
    secret, _ = await sessions.begin(LoggedIn(DEMO1, "lab", ("pwd",)), "192.0.2.1")
    for _ in range(14):
        clock.advance(timedelta(minutes=50))
        assert await sessions.current(secret) is not None
    clock.advance(timedelta(minutes=20))
    assert await sessions.current(secret) is None
    secret, _ = await sessions.begin(LoggedIn(DEMO1, "lab", ("pwd",)), "192.0.2.1")
    user = await login_site.site.people.user(DEMO1)
    await login_site.site.people.save_user(replace(user, active=False), login_site.site.audit())
    assert await sessions.current(secret) is None


async def test_doubt_about_when_a_session_was_used_is_no_conflict(
    login_site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = await _logged_in(login_site)
    login_site.site.clock.advance(timedelta(minutes=2))
    with monkeypatch.context() as lost:
        lost.setattr(MemoryLoginSessionStore, "see", AsyncMock(side_effect=Doubtful("look before you try again")))
        answer = (await browser.open("/account")).answer
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "Your account" in (await browser.open("/account")).text


async def test_our_records_hold_no_secret_of_a_session(login_site: Any) -> None:
    browser = await _logged_in(login_site)
    assert browser.session not in repr(login_site.site.memory)


@pytest.mark.parametrize("everywhere", [False, True])
async def test_logging_out(login_site: Any, everywhere: bool) -> None:
    first, second = await _logged_in(login_site), await _logged_in(login_site)
    await first.open("/logout")
    kept = first.session
    fields = {"form_token": first.page.forms[0][1]["form_token"]} | ({"everywhere": "yes"} if everywhere else {})
    assert "You are logged out" in (await first.post("/logout", fields)).text
    assert first.session is None
    assert await login_site.login.sessions.current(kept) is None
    assert ("Log in" in (await second.open("/account")).text) is everywhere


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://facility.example"},
        {"origin": "https://facility.example.evil.example"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
    ],
)
async def test_no_other_site_sends_our_forms(login_site: Any, headers: dict[str, str]) -> None:
    browser = await _logged_in(login_site)
    await browser.open("/logout")
    page = await browser.post("/logout", browser.page.forms[0][1], **headers)
    assert page.answer.status_code == 403
    assert "another site" in page.text
    assert "Your account" in (await browser.open("/account")).text


@pytest.mark.parametrize("whose", ["cross-site", "same-site", "none"])
async def test_a_browser_that_names_no_origin_says_whose_form_it_is(login_site: Any, whose: str) -> None:
    browser = await _logged_in(login_site)
    await browser.open("/logout")
    answer = await browser.http.post("/logout", data=browser.page.forms[0][1], headers={"sec-fetch-site": whose})
    assert answer.status_code == 403


async def test_a_form_counts_for_its_own_session(login_site: Any) -> None:
    mine, theirs = await _logged_in(login_site), await _logged_in(login_site)
    await theirs.open("/logout")
    stolen = theirs.page.forms[0][1]
    await mine.open("/logout")
    for token in (stolen["form_token"], "", "x" * 64, "ä"):
        page = await mine.post("/logout", {"form_token": token})
        assert page.answer.status_code == 403
        assert "out of date" in page.text
    assert "Your account" in (await mine.open("/account")).text


async def test_the_login_form_counts_in_its_own_browser(login_site: Any) -> None:
    """Nobody is logged in as somebody else by another site's form."""
    await login_site.with_password()
    attacker, victim = login_site.browser(), login_site.browser()
    await attacker.open("/login")
    page = await victim.post("/login", attacker.page.forms[0][1] | {"user": "demo1", "password": "x"})
    assert page.answer.status_code == 403
    await victim.open("/login")
    page = await victim.post("/login", attacker.page.forms[0][1] | {"user": "demo1", "password": "x"})
    assert "out of date" in page.text


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=1&a=2", "application/x-www-form-urlencoded", 400),
        (b"a=%FF%FE", "application/x-www-form-urlencoded", 400),
        (b'{"a": 1}', "application/json", 400),
        (b"a=1", "text/plain", 400),
        (b"a=" + b"x" * 70_000, "application/x-www-form-urlencoded", 413),
        (b"&".join(b"f%d=1" % number for number in range(200)), "application/x-www-form-urlencoded", 400),
    ],
)
async def test_forms_that_no_page_of_ours_sends(login_site: Any, body: bytes, kind: str, status: int) -> None:
    browser = login_site.browser()
    await browser.open("/login")
    answer = await browser.http.post("/login", content=body, headers={"content-type": kind})
    assert answer.status_code == status


@pytest.mark.parametrize("path", ["/login", "/logged-out", "/login/code", "/password?ticket=x", "/login/with/nobody"])
async def test_pages_keep_to_themselves(login_site: Any, path: str) -> None:
    answer = (await login_site.browser().open(path)).answer
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
    assert "unsafe" not in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["access-control-allow-origin"] == "https://facility.example"
    assert answer.text.count("<main") == answer.text.count("<h1") == 1
    assert '<html lang="en">' in answer.text
    assert "<script" not in answer.text
    assert " style=" not in answer.text


async def test_cookies_are_ours_alone(login_site: Any) -> None:
    await login_site.with_password()
    login_site.with_login(built_in=_optional(login_site))
    browser = login_site.browser()
    await browser.open("/login")
    fields = browser.page.forms[0][1] | {"user": "demo1", "password": "green lamps sing loudly"}
    answer = await browser.http.post("/login", data=fields, headers={"origin": "https://facility.example"})
    cookies = answer.headers.get_list("set-cookie")
    assert any(cookie.startswith("__Host-sfapi_session=") for cookie in cookies)
    for cookie in cookies:
        assert cookie.startswith("__Host-")
        assert "Secure" in cookie
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Path=/;" in cookie
        assert "Domain" not in cookie


async def test_text_of_others_is_text(login_site: Any) -> None:
    browser = login_site.browser()
    await browser.open("/login")
    page = await browser.submit(user='"><img src=x onerror=alert(1)>', password="x")
    assert "<img" not in page.text


async def test_the_stylesheet_and_the_logo(login_site: Any) -> None:
    browser = login_site.browser()
    page = await browser.open("/login")
    path = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    style = await browser.http.get(path)
    assert style.headers["content-type"].startswith("text/css")
    assert "immutable" in style.headers["cache-control"]
    assert "#1d4f91" in style.text
    assert (await browser.http.get("/pages/logo")).status_code == 404
    login_site.with_login(appearance=Appearance("Example", "#ffee00", Logo(b"<svg/>", "image/svg+xml")))
    logo = await browser.http.get("/pages/logo")
    assert (logo.content, logo.headers["content-type"]) == (b"<svg/>", "image/svg+xml")
    assert "sandbox" in logo.headers["content-security-policy"]
    page = await browser.open("/login")
    assert path not in page.text
    assert '<img src="/pages/logo" alt=""' in page.text


async def test_an_address_that_is_too_long_to_come_back_to_is_told(login_site: Any) -> None:
    answer = await login_site.browser().http.get("/account?" + "x" * LONGEST)
    assert answer.status_code == 414


def _optional(login_site: Any) -> Any:
    built_in = login_site.login.built_in
    return replace(built_in, logins=replace(built_in.logins, required=False))


async def _logged_in(login_site: Any) -> Any:
    login_site.with_login(built_in=_optional(login_site))
    if await login_site.login.accounts.accounts.account(DEMO1) is None:
        await login_site.with_password()
    browser = login_site.browser()
    await _enter(login_site, browser)
    return browser


async def _enter(login_site: Any, browser: Any) -> None:
    await browser.open("/login?next=/account")
    assert "Your account" in (await browser.submit(user="demo1", password="green lamps sing loudly")).text
