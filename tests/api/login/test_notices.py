"""People are told by mail what was done to their account."""

from dataclasses import replace
from typing import Any

import pytest

from superfacility.facility.people import UserName

PASSWORD = "green lamps sing loudly"
NEW = "quiet harbours under snow"


@pytest.fixture(autouse=True)
async def _address(login_site: Any) -> None:
    people = login_site.site.people
    user = await people.user(UserName("demo1"))
    await people.save_user(replace(user, email="demo1@home.example"), login_site.site.audit())


async def logged_in(login_site: Any, telephone: Any) -> Any:
    browser = login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    await browser.submit(code=telephone.code)
    return browser


async def test_of_a_password_set_by_a_link_and_of_the_second_factor(login_site: Any) -> None:
    await login_site.with_second_factor()
    assert await login_site.subjects() == ["your password was changed", "your second factor was set up"]
    assert {to for to, _, _ in login_site.mails} == {"demo1@home.example"}
    text = login_site.mails[0][2]
    assert "demo1" in text
    assert PASSWORD not in text


async def test_of_a_password_that_they_have_changed(login_site: Any) -> None:
    browser = await logged_in(login_site, await login_site.with_second_factor())
    await login_site.subjects()
    login_site.mails.clear()
    await browser.open("/account/password")
    await browser.submit(current="wrong", password=NEW, again=NEW)
    assert await login_site.subjects() == []
    await browser.submit(current=PASSWORD, password=NEW, again=NEW)
    assert await login_site.subjects() == ["your password was changed"]
    assert "198.51.100.7" in login_site.mails[0][2]


async def test_of_recovery_codes_new_and_used(login_site: Any) -> None:
    telephone = await login_site.with_second_factor()
    browser = login_site.browser()
    await browser.open("/login")
    await browser.submit(user="demo1", password=PASSWORD)
    await browser.open("/login/recovery-code")
    await browser.submit(code=telephone.codes[0])
    await browser.open("/account/recovery-codes")
    page = await browser.submit(current=PASSWORD)
    assert (await login_site.subjects())[2:] == ["a recovery code was used", "new recovery codes"]
    assert not any(code in text for code in telephone.codes for _, _, text in login_site.mails)
    assert "<li><code>" in page.text


async def test_of_a_second_factor_that_staff_have_removed(login_site: Any) -> None:
    await login_site.with_second_factor()
    await login_site.login.credentials.remove_second_factor("demo1", "operator:root")
    assert (await login_site.subjects())[-1] == "your second factor was removed"
