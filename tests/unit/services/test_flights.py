"""However many ask at once, one question is on its way."""

import asyncio

import pytest

from superfacility.services.compute.flights import SingleFlight


class Gate:
    """Answers one after the other, each when it is let through."""

    def __init__(self) -> None:
        self.asked = 0
        self.at_once = 0
        self.most = 0
        self.open = asyncio.Semaphore(0)

    async def __call__(self) -> int:
        self.asked += 1
        number = self.asked
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        try:
            await self.open.acquire()
        finally:
            self.at_once -= 1
        if number == 13:
            raise ValueError("unlucky")
        return number


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_joins_gets_the_running_answer():
    gate = Gate()
    flight = SingleFlight(gate)
    waiting = [asyncio.create_task(flight.join()) for _ in range(10)]
    await settle()
    gate.open.release()
    assert await asyncio.gather(*waiting) == [1] * 10
    assert flight.idle


async def test_who_wants_it_fresh_never_gets_what_began_before():
    gate = Gate()
    flight = SingleFlight(gate)
    early = asyncio.create_task(flight.join())
    await settle()
    late = [asyncio.create_task(flight.fresh()) for _ in range(10)]
    await settle()
    for _ in range(2):
        gate.open.release()
    assert await early == 1
    assert await asyncio.gather(*late) == [2] * 10
    assert (gate.most, flight.idle) == (1, True)


async def test_one_that_gives_up_stops_nobody_else():
    gate = Gate()
    flight = SingleFlight(gate)
    impatient, patient = asyncio.create_task(flight.join()), asyncio.create_task(flight.join())
    await settle()
    impatient.cancel()
    await settle()
    gate.open.release()
    assert await patient == 1


async def test_an_error_reaches_all_and_the_next_asks_again():
    gate = Gate()
    gate.asked = 12
    flight = SingleFlight(gate)
    waiting = [asyncio.create_task(flight.join()) for _ in range(3)]
    await settle()
    gate.open.release()
    assert all(isinstance(each, ValueError) for each in await asyncio.gather(*waiting, return_exceptions=True))
    gate.open.release()
    assert await flight.join() == 14


async def test_a_fresh_one_comes_although_the_running_one_failed():
    gate = Gate()
    gate.asked = 12
    flight = SingleFlight(gate)
    failing = asyncio.create_task(flight.join())
    await settle()
    fresh = asyncio.create_task(flight.fresh())
    await settle()
    gate.open.release()
    with pytest.raises(ValueError, match="unlucky"):
        await failing
    gate.open.release()
    assert await fresh == 14


async def test_who_comes_during_the_rest_before_a_call_shares_it():
    gate, rest = Gate(), asyncio.Event()
    flight = SingleFlight(gate, rest.wait)
    first = asyncio.create_task(flight.fresh())
    await settle()
    later = asyncio.create_task(flight.fresh())
    await settle()
    assert gate.asked == 0
    rest.set()
    await settle()
    gate.open.release()
    assert await asyncio.gather(first, later) == [1, 1]
    assert flight.idle
