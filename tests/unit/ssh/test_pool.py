"""The pool in front of a machine that never lets anybody in."""

import asyncio
from pathlib import Path

import pytest

from superfacility.adapters.ssh.breaker import Unreachable
from superfacility.adapters.ssh.options import Options
from superfacility.adapters.ssh.pool import Pool
from superfacility.facility.errors import FacilityError, NotPermitted, Unavailable
from superfacility.testing.clocks import FakeClock


class Door:
    """Stands for a connector: counts who stands before it at once."""

    def __init__(self, answer: FacilityError) -> None:
        self.answer = answer
        self.waiting = self.most = self.asked = 0

    async def open(self, account: str) -> None:
        self.asked += 1
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await asyncio.sleep(0.001)
        self.waiting -= 1
        raise self.answer


async def knock(pool: Pool, account: str) -> None:
    async with pool.connection(account):
        pytest.fail("nobody is let in")


def pool_before(door: Door) -> Pool:
    return Pool("here", Options("host", ca_key=Path("/x")), door, FakeClock())  # type: ignore[arg-type]


async def test_few_sign_in_at_once() -> None:
    door = Door(NotPermitted("you are not known"))
    pool = pool_before(door)
    answers = await asyncio.gather(*(knock(pool, f"user{number}") for number in range(60)), return_exceptions=True)
    assert {type(each) for each in answers} == {NotPermitted}
    assert (door.asked, door.most) == (60, 8)
    await pool.aclose()


async def test_a_refused_user_is_not_brought_before_the_machine_again() -> None:
    door = Door(NotPermitted("you are not known"))
    pool = pool_before(door)
    answers = await asyncio.gather(*(knock(pool, "alice") for _ in range(14)), return_exceptions=True)
    pool.sweep()
    with pytest.raises(NotPermitted):
        await knock(pool, "alice")
    assert ({type(each) for each in answers}, door.asked) == ({NotPermitted}, 1)
    await pool.aclose()


async def test_who_waits_when_the_machine_is_given_up_is_told_without_asking_it() -> None:
    door = Door(Unreachable("no answer"))
    pool = pool_before(door)
    answers = await asyncio.gather(*(knock(pool, f"user{number}") for number in range(60)), return_exceptions=True)
    assert all(isinstance(each, Unavailable) for each in answers)
    assert door.asked == 8
    await pool.aclose()
