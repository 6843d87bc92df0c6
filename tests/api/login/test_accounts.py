"""Logging in with a built-in account."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pyotp
import pytest

from superfacility.oauth.identity.accounts import LinkPurpose

PASSWORD = "green lamps sing loudly"
WRONG = "Name or password is wrong."


async def test_from_invitation_to_account(login_site: Any) -> None:
    browser = login_site.browser()
    await browser.open(await login_site.link())
    assert (await browser.submit(password="short", again="short")).answer.status_code == 422
    assert "At least 12" in browser.page.text
    assert "not the same" in (await browser.submit(password=PASSWORD, again="other")).text
    assert "Log in with it now" in (await browser.submit(password=PASSWORD, again=PASSWORD)).text
    assert browser.session is None  # the link alone opens nothing

    await browser.open("/login?next=/account/password")
    page = await browser.submit(user="demo1", password=PASSWORD)
    assert "Set up your second factor" in page.text
    assert browser.session is None
    telephone = _telephone(login_site, page)
    assert "not right" in (await browser.submit(code="000000")).text
    page = await browser.submit(code=telephone.code)
    assert page.text.count("<li><code>") == 10
    assert "/account/password" in page.links
    assert browser.session is not None
    assert "Change your password" in (await browser.open("/account")).text


async def test_a_link_works_once_and_for_a_day(login_site: Any) -> None:
    browser, link = login_site.browser(), await login_site.link()
    await browser.open(link)
    await browser.open(link)
    await browser.submit(password=PASSWORD, again=PASSWORD)
    assert (await browser.open(link)).answer.status_code == 403
    link = await login_site.link(purpose=LinkPurpose.RESET)
    login_site.site.clock.advance(timedelta(days=1))
    assert "does not work any more" in (await browser.open(link)).text
    assert "does not work any more" in (await browser.open("/password?ticket=%00%C3%A9%FF")).text


async def test_a_password_and_a_code_log_in(login_site: Any) -> None:
    telephone, browser = await login_site.with_second_factor(), login_site.browser()
    await browser.open("/login")
    assert "Second factor" in (await browser.submit(user="demo1", password=PASSWORD)).text
    assert browser.session is None
    assert (await browser.submit(code="12345x")).answer.status_code == 403
    assert "Your account" in (await browser.submit(code=telephone.code)).text
    entries = [entry.action for entry in login_site.site.memory.audit]
    assert entries[-1] == "login.begin"


async def test_a_code_counts_once(login_site: Any) -> None:
    telephone, first, second = await login_site.with_second_factor(), login_site.browser(), login_site.browser()
    for browser in (first, second):
        await browser.open("/login")
        await browser.submit(user="demo1", password=PASSWORD)
    code = telephone.code
    await first.submit(code=code)
    assert "used already" in (await second.submit(code=code)).text
    login_site.site.clock.advance(timedelta(seconds=30))
    assert "used already" in (await second.submit(code=code)).text  # within the drift, and spent
    assert "Your account" in (await second.submit(code=telephone.code)).text


async def test_a_recovery_code_counts_once(login_site: Any) -> None:
    telephone = await login_site.with_second_factor()
    for expected in ("Your account", "none of your recovery codes"):
        browser = login_site.browser()
        await browser.open("/login")
        await browser.submit(user="demo1", password=PASSWORD)
        await browser.open("/login/recovery-code")
        assert expected in (await browser.submit(code=telephone.codes[3].upper().replace("-", " "))).text


async def test_nothing_tells_names_that_exist(login_site: Any) -> None:
    await login_site.with_second_factor()
    login_site.site.people._memory.users["gone"] = login_site.site.people._memory.users.pop("demo2")
    answers = set()
    for name in ("demo1", "nobody", "gone", "", "\x00", "x" * 5000, "demo1'--"):
        browser = login_site.browser()
        await browser.open("/login")
        page = await browser.submit(user=name, password="wrong")
        assert WRONG in page.text
        answers.add((page.answer.status_code, page.text.replace(name[:64], "").count("<")))
    assert len(answers) == 1


async def test_the_same_work_for_names_that_nobody_has(login_site: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await login_site.with_password()
    hashes = login_site.login.accounts.hashing._hashes
    done: list[str] = []
    fits = type(hashes).fits

    def counted(self: Any, encoded: str, given: str) -> bool:
        done.append(encoded[:9])
        return fits(self, encoded, given)

    monkeypatch.setattr(type(hashes), "fits", counted)
    for name in ("demo1", "nobody", "\x00"):
        browser = login_site.browser()
        await browser.open("/login")
        await browser.submit(user=name, password="wrong")
    assert done == ["$argon2id"] * 3


async def test_guessing_slows_down_and_stops_no_owner(login_site: Any) -> None:
    telephone, home = await login_site.with_second_factor(), login_site.browser("192.0.2.1")
    await home.open("/login")
    await home.submit(user="demo1", password=PASSWORD)
    await home.submit(code=telephone.code)
    await home.open("/logout")
    await home.submit()

    for number in range(10):
        stranger = login_site.browser(f"198.51.100.{number}")
        await stranger.open("/login")
        assert WRONG in (await stranger.submit(user="demo1", password="guess")).text
    stranger = login_site.browser("203.0.113.9")
    await stranger.open("/login")
    page = await stranger.submit(user="demo1", password=PASSWORD)  # even the right one
    assert page.answer.status_code == 429
    assert int(page.answer.headers["retry-after"]) <= 2
    assert "too many attempts" in page.text
    await home.open("/login")
    assert "Second factor" in (await home.submit(user="demo1", password=PASSWORD)).text  # known from before


async def test_an_address_is_slowed_down_whatever_it_names(login_site: Any) -> None:
    browser = login_site.browser()
    for number in range(30):
        await browser.open("/login")
        assert WRONG in (await browser.submit(user=f"name{number}", password="guess")).text
    assert (await browser.submit(user="another", password="guess")).answer.status_code == 429
    other = login_site.browser("192.0.2.200")
    await other.open("/login")
    assert WRONG in (await other.submit(user="another", password="guess")).text


async def test_guessing_codes_slows_down(login_site: Any) -> None:
    telephone, browser = await login_site.with_second_factor(), login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    for _ in range(5):
        assert (await browser.submit(code="000000")).answer.status_code == 403
    assert (await browser.submit(code=telephone.code)).answer.status_code == 429
    login_site.site.clock.advance(timedelta(seconds=5))
    assert "Your account" in (await browser.submit(code=telephone.code)).text


async def test_half_a_login_is_none_and_does_not_last(login_site: Any) -> None:
    telephone, browser = await login_site.with_second_factor(), login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    assert "Log in" in (await browser.open("/account")).text
    await browser.open("/login/code")
    login_site.site.clock.advance(timedelta(minutes=10))
    assert "took too long" in (await browser.submit(code=telephone.code)).text
    assert browser.session is None


async def test_half_a_login_ends_with_the_password(login_site: Any) -> None:
    telephone, browser = await login_site.with_second_factor(), login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    await login_site.with_password(password="another lamp sings")
    assert "Begin again" in (await browser.submit(code=telephone.code)).text
    assert browser.session is None


async def test_a_second_factor_cannot_be_set_up_in_place_of_used(login_site: Any) -> None:
    await login_site.with_second_factor()
    browser = login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    assert "Begin again" in (await browser.open("/login/set-up")).text
    await browser.open("/login/code")
    token = browser.page.forms[0][1]["form_token"]
    offer = login_site.login.credentials.set_up("demo1")
    page = await browser.post("/login/set-up", {"form_token": token, "sealed": offer.sealed, "code": "1"})
    assert "Begin again" in page.text


async def test_changing_the_password_asks_for_it_and_logs_out_elsewhere(login_site: Any) -> None:
    telephone = await login_site.with_second_factor()
    here, there = login_site.browser(), login_site.browser()
    for browser in (here, there):
        await _log_in(login_site, browser, telephone)
    before = here.session
    await here.open("/account/password")
    new = "new lamps hum softly"
    assert "not your password" in (await here.submit(current="wrong", password=new, again=new)).text
    assert (
        "first that others would guess"
        in (await here.submit(current=PASSWORD, password="password1234", again="password1234")).text
    )
    assert "is changed" in (await here.submit(current=PASSWORD, password=new, again=new)).text
    assert here.session not in (None, before)
    assert "Your account" in (await here.open("/account")).text
    assert "Log in" in (await there.open("/account")).text


async def test_changing_the_second_factor_asks_for_the_password(login_site: Any) -> None:
    telephone, browser = await login_site.with_second_factor(), login_site.browser()
    await _log_in(login_site, browser, telephone)
    page = await browser.open("/account/second-factor")
    new = _telephone(login_site, page)
    assert "not your password" in (await browser.submit(current="x", code=new.code)).text
    assert "not right" in (await browser.submit(current=PASSWORD, code="000000")).text
    assert (await browser.submit(current=PASSWORD, code=new.code)).text.count("<li><code>") == 10
    await browser.open("/account/recovery-codes")
    assert "not your password" in (await browser.submit(current="x")).text
    assert (await browser.submit(current=PASSWORD)).text.count("<li><code>") == 10


async def test_without_a_second_factor_where_none_is_needed(login_site: Any) -> None:
    built_in = login_site.login.built_in
    login_site.with_login(built_in=replace(built_in, logins=replace(built_in.logins, required=False)))
    await login_site.with_password()
    browser = login_site.browser()
    await browser.open("/login")
    assert "Your account" in (await browser.submit(user="demo1", password=PASSWORD)).text


async def _log_in(login_site: Any, browser: Any, telephone: Any) -> None:
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    assert "Your account" in (await browser.submit(code=telephone.code)).text
    login_site.site.clock.advance(timedelta(seconds=30))


def _telephone(login_site: Any, page: Any) -> Any:
    key = page.text.partition("<code>")[2].partition("</code>")[0].replace(" ", "")
    return SimpleNamespace(code=pyotp.TOTP(key).at(login_site.site.clock.now()))
