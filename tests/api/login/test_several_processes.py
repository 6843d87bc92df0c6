"""Guesses at two server processes with one database are counted together."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from superfacility.adapters.sql import SqlAttemptLog, migrate, open_database
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login import Throttle, TooManyAttempts
from superfacility.services.access.login.throttle import ACCOUNT, ADDRESS
from superfacility.testing.clocks import FakeClock


@pytest.fixture
async def throttles(tmp_path: Path) -> AsyncIterator[list[Throttle]]:
    path, clock = tmp_path / "facility.db", FakeClock()
    migrate(path)
    async with AsyncExitStack() as stack:
        made = []
        for _ in range(2):
            database = open_database(path)
            stack.push_async_callback(database.aclose)
            made.append(Throttle(SqlAttemptLog(database), Sealer(b"k" * 32), clock))
        yield made


async def guesses(throttles: list[Throttle], count: int, address: str) -> int:
    """How many of so many at once were let through, at one process and the other by turns."""
    tries = (throttles[each % 2].password("demo1", address.format(each), None) for each in range(count))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(each, TooManyAttempts) for each in results if isinstance(each, BaseException))
    return sum(not isinstance(each, BaseException) for each in results)


async def test_a_botnet_gets_what_one_account_is_worth(throttles: list[Throttle]) -> None:
    assert await guesses(throttles, 100, "198.51.100.{}") == ACCOUNT.free
    assert await guesses(throttles, 10, "203.0.113.{}") == 0


async def test_one_address_gets_what_it_is_worth_over_all_accounts(throttles: list[Throttle]) -> None:
    names = [f"person{number}" for number in range(100)]
    tries = (throttles[number % 2].password(name, "198.51.100.7", None) for number, name in enumerate(names))
    results = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(each, BaseException) for each in results) == ADDRESS.free


async def test_who_was_right_in_one_process_begins_from_nothing_in_the_other(throttles: list[Throttle]) -> None:
    here, there = throttles
    tries = [await here.password("demo1", "198.51.100.7", None) for _ in range(ACCOUNT.free)]
    with pytest.raises(TooManyAttempts):
        await there.password("demo1", "198.51.100.8", None)
    await here.succeeded(tries[-1])
    await there.password("demo1", "198.51.100.8", None)
