"""Asking the directory about one person when it matters."""

import asyncio
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.people import User, UserName
from superfacility.services.directory.freshness import FreshUsers
from superfacility.services.directory.verdicts import Rules
from superfacility.testing.stores import MemoryDirectoryMirror

from .conftest import Site

ALICE = UserName("alice")


@pytest.fixture
async def fresh(site: Site) -> FreshUsers:
    site.put("alice", 5001)
    await site.follow()
    site.directory.asked = 0
    return site.fresh()


async def active(users: FreshUsers, name: str = "alice") -> bool:
    found = await users.user(UserName(name))
    assert found is not None
    return found.active


async def test_who_is_removed_loses_power_within_half_a_minute(site: Site, fresh: FreshUsers) -> None:
    assert await active(fresh)
    site.directory.remove(ALICE)
    site.clock.advance(timedelta(seconds=29))
    assert await active(fresh)
    site.clock.advance(timedelta(seconds=1))
    assert not await active(fresh)
    assert [each.action for each in site.memory.audit][-1] == "directory.deactivate_user"
    assert site.here("alice").link is not None


async def test_who_is_locked_and_unlocked_is_so_here(site: Site, fresh: FreshUsers) -> None:
    site.change("alice", active=False)
    assert not await active(fresh)
    site.change("alice", active=True)
    site.clock.advance(timedelta(seconds=30))
    assert await active(fresh)


async def test_doubt_about_a_change_is_no_doubt_about_what_was_asked(
    site: Site, fresh: FreshUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The request that made us look has not begun; whoever sends it again is looked at again."""
    site.directory.remove(ALICE)
    with monkeypatch.context() as lost:
        lost.setattr(MemoryDirectoryMirror, "apply", AsyncMock(side_effect=Doubtful("look before you try again")))
        with pytest.raises(Unavailable, match="ask again"):
            await fresh.user(ALICE)
    assert not await active(fresh)


async def test_another_person_with_the_name_has_none_of_the_firsts_power(site: Site, fresh: FreshUsers) -> None:
    site.change("alice", uid=7001, id="entry-new")
    assert not await active(fresh)
    assert site.here("alice").user.uid == 5001


async def test_what_gives_no_power_waits_for_the_next_turn(site: Site, fresh: FreshUsers) -> None:
    site.change("alice", email="new@example.org")
    assert await fresh.user(ALICE) == User(5001, ALICE)


async def test_the_directory_is_asked_once_for_many_requests(site: Site, fresh: FreshUsers) -> None:
    await asyncio.gather(*(fresh.user(ALICE) for _ in range(50)))
    await fresh.user(ALICE)
    assert site.directory.asked == 1


async def test_strangers_and_users_of_our_own_are_not_asked_about(site: Site, fresh: FreshUsers) -> None:
    await site.add_user("beamline", 900)
    assert await active(fresh, "beamline")
    assert await fresh.user(UserName("nobody")) is None
    assert await fresh.user(UserName("*")) is None
    assert site.directory.asked == 0


async def test_a_silent_directory_is_borne_for_a_time_and_left_alone(site: Site, fresh: FreshUsers) -> None:
    site.directory.down = True
    for _ in range(5):
        assert await active(fresh)
    assert site.directory.asked == 1
    site.clock.advance(timedelta(seconds=11))
    assert await active(fresh)
    assert site.directory.asked == 2
    site.clock.advance(timedelta(hours=24))
    with pytest.raises(Unavailable, match="has not answered since"):
        await fresh.user(ALICE)
    await site.add_user("beamline", 900)
    assert await active(fresh, "beamline")
    site.directory.down = False
    site.clock.advance(timedelta(seconds=11))
    assert await active(fresh)


async def test_a_restart_does_not_begin_the_time_anew(site: Site, fresh: FreshUsers) -> None:
    site.directory.down = True
    site.clock.advance(timedelta(hours=25))
    with pytest.raises(Unavailable):
        await site.fresh().user(ALICE)


async def test_an_entry_that_says_nothing_certain_changes_nothing(site: Site, fresh: FreshUsers) -> None:
    site.directory.flawed = {ALICE}
    assert await active(fresh)


async def test_a_directory_that_locks_out_everybody_is_not_believed(site: Site) -> None:
    site.rules = Rules(limit=20)
    for number in range(20):
        site.put(f"user{number}", 5000 + number)
    await site.follow()
    site.directory.people = {}
    users = site.fresh()
    found = [await active(users, f"user{number}") for number in range(20)]
    assert found.count(False) == 4
    site.clock.advance(timedelta(seconds=3601))
    assert not await active(users, "user19")


async def test_who_gives_up_waiting_stops_nobody_else(site: Site, fresh: FreshUsers) -> None:
    first, second = (asyncio.create_task(fresh.user(ALICE)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == User(5001, ALICE)
