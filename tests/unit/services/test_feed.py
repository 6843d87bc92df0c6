"""One reader of the log for all who listen: nothing is missed, nothing comes twice, whenever a listener comes."""

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.facility.events import EventKind, NewEvent
from superfacility.services.events import feed as feeds
from superfacility.services.events.feed import Feed
from superfacility.testing.clocks import START
from superfacility.testing.stores import Memory, MemoryEventLog

EVENT = NewEvent(EventKind.JOB, START, "7", "perlmutter")


class Ear:
    """Writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.resets: list[int] = []
        self.beats = 0
        self.ended = False

    def deliver(self, event) -> None:
        self.heard.append(event.what.subject)

    def reset(self, position: int) -> None:
        self.resets.append(position)

    async def ready(self) -> None:
        await asyncio.sleep(0)

    async def beat(self, position: int) -> None:
        self.beats += 1

    def end(self) -> None:
        self.ended = True


class Log(MemoryEventLog):
    async def add(self, first: int, last: int) -> None:
        await self.append([replace(EVENT, subject=str(number)) for number in range(first, last + 1)])


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


@pytest.fixture
def log() -> Log:
    return Log(Memory())


@asynccontextmanager
async def running(log, beat=1.5):
    stop, feed = asyncio.Event(), Feed(log, beat=beat)
    task = asyncio.create_task(feed.run(stop))
    await until(lambda: feed._running)
    try:
        yield feed
    finally:
        stop.set()
        await task


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - a poll with a deadline
            await asyncio.sleep(0.005)


async def test_from_now_on(log):
    await log.add(1, 5)
    async with running(log) as feed:
        ear = Ear()
        await feed.join(ear, None)
        await log.add(6, 8)
        await until(lambda: len(ear.heard) >= 3)
        assert ear.heard == numbers(6, 8)


@pytest.mark.parametrize("recent", [2000, 3])
@pytest.mark.parametrize("after", [0, 4, 9, 10])
async def test_after_an_id_from_memory_or_from_the_log(log, monkeypatch, recent, after):
    monkeypatch.setattr(feeds, "RECENT", recent)
    monkeypatch.setattr(feeds, "_PAGE", 2)
    await log.add(1, 10)
    async with running(log) as feed:
        ear = Ear()
        await feed.join(ear, after)
        await log.add(11, 12)
        await until(lambda: ear.heard[-1:] == ["12"])
        assert (ear.heard, ear.resets) == (numbers(after + 1, 12), [])


async def test_nothing_is_missed_or_doubled_while_events_come(log, monkeypatch):
    monkeypatch.setattr(feeds, "RECENT", 10)
    monkeypatch.setattr(feeds, "_PAGE", 7)
    async with running(log) as feed:

        async def write() -> None:
            for number in range(1, 301):
                await log.add(number, number)
                await asyncio.sleep(0)

        async def come(after: int) -> Ear:
            ear = Ear()
            await until(lambda: feed.position >= after)
            await feed.join(ear, after)
            return ear

        _, *ears = await asyncio.gather(write(), *(come(after) for after in range(0, 300, 10)))
        await until(lambda: all(ear.heard[-1:] == ["300"] for ear in ears))
        for after, ear in zip(range(0, 300, 10), ears, strict=True):
            assert ear.heard == numbers(after + 1, 300)


async def test_what_is_not_kept_any_more_is_said(log, monkeypatch):
    monkeypatch.setattr(feeds, "RECENT", 2)
    await log.add(1, 5)
    del log._memory.events[:3]
    async with running(log) as feed:
        old, just, foreign = Ear(), Ear(), Ear()
        await feed.join(old, 1)
        await feed.join(just, 3)
        await feed.join(foreign, 77)
        await log.add(6, 6)
        await until(lambda: all(ear.heard[-1:] == ["6"] for ear in (old, just, foreign)))
        assert (old.resets, just.resets, foreign.resets) == ([5], [], [5])
        assert just.heard == numbers(4, 6)


async def test_the_end_is_told_and_nobody_joins_any_more(log):
    ear = Ear()
    async with running(log) as feed:
        await feed.join(ear, None)
    assert ear.ended
    with pytest.raises(Unavailable):
        await feed.join(Ear(), None)


async def test_listeners_have_a_beat_until_they_leave(log):
    staying, leaving = Ear(), Ear()
    async with running(log, beat=0.15) as feed:
        await feed.join(staying, None)
        await feed.join(leaving, None)
        feed.leave(leaving)
        await until(lambda: staying.beats >= 2)
    assert leaving.beats == 0


async def test_a_log_that_fails_for_a_while_costs_nothing_but_time(log, monkeypatch):
    monkeypatch.setattr(feeds, "_PAUSE_AFTER_FAULT", 0.01)
    ear, faults = Ear(), iter(range(3))
    async with running(log) as feed:
        await feed.join(ear, None)
        after = log.after

        async def failing(event_id, *, limit=1000):
            for _ in faults:
                raise Unavailable("busy")
            return await after(event_id, limit=limit)

        log.after = failing
        await log.add(1, 3)
        await until(lambda: len(ear.heard) == 3)
    assert ear.heard == numbers(1, 3)
