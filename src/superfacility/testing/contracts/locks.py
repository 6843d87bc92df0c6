"""The suite of `Locks`. Fixtures to supply: `locks` and `elsewhere`, those of two processes."""

import asyncio

from superfacility.facility.locks import Locks

NAME = "collector/perlmutter"


class LocksContract:
    """Subclass it with the fixtures named above."""

    async def test_one_process_holds_a_lock(self, locks: Locks, elsewhere: Locks) -> None:
        assert not await locks.held(NAME)
        assert await locks.try_acquire(NAME)
        assert await locks.held(NAME)
        assert not await elsewhere.try_acquire(NAME)
        assert not await elsewhere.held(NAME)

    async def test_taking_it_again_is_no_wait_and_no_second_hold(self, locks: Locks, elsewhere: Locks) -> None:
        assert await locks.try_acquire(NAME)
        assert await locks.try_acquire(NAME)
        await locks.release(NAME)
        assert not await locks.held(NAME)
        assert await elsewhere.try_acquire(NAME)

    async def test_names_do_not_disturb_each_other(self, locks: Locks, elsewhere: Locks) -> None:
        assert await locks.try_acquire(NAME)
        assert await elsewhere.try_acquire("collector/other")
        assert await elsewhere.try_acquire("collector")

    async def test_releasing_what_is_not_held_is_nothing(self, locks: Locks, elsewhere: Locks) -> None:
        assert await locks.try_acquire(NAME)
        await elsewhere.release(NAME)
        await elsewhere.release("never")
        assert await locks.held(NAME)

    async def test_the_end_of_a_process_frees_its_locks(self, locks: Locks, elsewhere: Locks) -> None:
        assert await locks.try_acquire(NAME)
        assert await locks.try_acquire("other")
        await locks.aclose()
        async with asyncio.timeout(20):
            for name in (NAME, "other"):
                while not await elsewhere.try_acquire(name):  # noqa: ASYNC110 - locks tell nobody
                    await asyncio.sleep(0.01)

    async def test_of_many_that_try_one_gets_it(self, locks: Locks, elsewhere: Locks) -> None:
        for _ in range(20):
            taken = await asyncio.gather(*(each.try_acquire(NAME) for each in (locks, elsewhere)))
            assert sorted(taken) == [False, True]
            await (locks if taken[0] else elsewhere).release(NAME)
