"""`/account/audit`: everybody reads what they have done themselves, staff who have logged in everything."""

from datetime import timedelta

import pytest

PATH = "/account/audit"
STAFF = "green:staff1:login"


@pytest.fixture
async def done(site):
    """Groups that two people have made, an hour apart."""
    site.memory.audit.clear()
    await site.people.set_membership("m0001", "demo2", "pi", site.audit())
    for user, group in (("demo1", "first"), ("demo2", "second")):
        made = await site.call("POST", "/account/groups", f"orange:{user}", data={"name": group, "repo_name": "m0001"})
        assert made.status_code == 200, made.text
        site.clock.advance(timedelta(hours=1))


async def seen(site, token, **asked):
    answer = await site.get(PATH, token, params=asked)
    assert answer.status_code == 200, answer.text
    return [(row["actor"], row["action"], row["target"]) for row in answer.json()]


FIRST, SECOND = ("demo1", "account.create_group", "first"), ("demo2", "account.create_group", "second")
SETUP = ("operator:test", "test.change", "something")


async def test_everybody_sees_what_they_have_done(site, done):
    assert await seen(site, "green:demo1") == [FIRST]
    assert await seen(site, "green:demo2", actor="demo1") == [SECOND]
    assert await seen(site, "green:staff1") == []
    (row,) = (await site.get(PATH, "green:demo1")).json()
    made = (site.clock.now() - timedelta(hours=2)).isoformat()
    assert (row["address"], row["client"], row["at"]) == ("127.0.0.1", "client-demo1", made)


async def test_staff_who_have_logged_in_search_everything(site, done):
    assert await seen(site, STAFF, everybodys="true") == [SECOND, FIRST, SETUP]
    now = site.clock.now()
    for asked, expected in (
        ({"actor": "demo2"}, [SECOND]),
        ({"action": "account.*"}, [SECOND, FIRST]),
        ({"target": "first"}, [FIRST]),
        ({"client": "client-demo2"}, [SECOND]),
        ({"address": "127.0.0.1", "limit": 1}, [SECOND]),
        ({"text": "irs"}, [FIRST]),
        ({"since": (now - timedelta(minutes=90)).isoformat()}, [SECOND]),
        ({"until": (now - timedelta(hours=1)).isoformat()}, [FIRST, SETUP]),
    ):
        assert await seen(site, STAFF, everybodys="true", **asked) == expected, asked


@pytest.mark.parametrize(
    ("token", "everybodys"),
    [
        ("green:demo1:login", True),
        ("red:staff1", True),
        ("red:staff1:login:gateway", True),
        ("red:demo1:login:gateway", False),
    ],
)
async def test_others_and_programs_of_others_see_nothing(site, done, token, everybodys):
    assert (await site.get(PATH, token, params={"everybodys": everybodys})).status_code == 403


@pytest.mark.parametrize("asked", [{"limit": 0}, {"limit": 1001}, {"since": "soon"}, {"since": "2026-01-01T00:00:00"}])
async def test_what_cannot_be_asked(site, asked):
    assert (await site.get(PATH, "green:demo1", params=asked)).status_code == 422
