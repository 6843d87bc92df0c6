"""Questions to accounting: asked once for all who come together, and no answer is thrown away."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.people import UserName
from superfacility.services.compute.reading import accounting
from superfacility.services.compute.reading.accounting import AccountingReader
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers import FakeScheduler


class Slow(FakeScheduler):
    """Knows every job, and answers when the gate opens."""

    rows = 1

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.gate = asyncio.Event()
        self.asked: list[JobQuery] = []

    async def accounting(self, query: JobQuery) -> Sequence[Job]:
        self.asked.append(query)
        await self.gate.wait()
        parts = range(self.rows)
        return [Job(JobId(f"{each}_{n}"), UserName("a"), JobState.FAILED, {}) for each in query.ids for n in parts]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def scheduler(clock: FakeClock) -> Slow:
    return Slow(clock)


@pytest.fixture
def reader(scheduler: Slow) -> AccountingReader:
    return AccountingReader("perlmutter", scheduler, scheduler.clock, 5.0, up_to_date=True)


async def test_many_who_come_together_are_one_question(reader: AccountingReader, scheduler: Slow) -> None:
    scheduler.gate.set()
    found = await asyncio.gather(*(reader.since(JobId(str(number)), 0.0) for number in range(300)))
    assert [rows[0].id for rows in found] == [f"{number}_0" for number in range(300)]
    assert len(scheduler.asked) == 1
    assert scheduler.asked[0].up_to_date


async def test_an_answer_that_comes_too_late_for_one_is_there_for_the_next(
    reader: AccountingReader, scheduler: Slow, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "_LONGEST_WAIT", 0.01)
    asked_at = clock.monotonic()
    with pytest.raises(Unavailable):
        await reader.since(JobId("7"), asked_at)
    clock.advance(timedelta(minutes=1))
    scheduler.gate.set()
    await asyncio.sleep(0)
    assert [job.id for job in await reader.since(JobId("7"), asked_at)] == ["7_0"]
    assert len(scheduler.asked) == 1
    await reader.since(JobId("7"), clock.monotonic())
    assert len(scheduler.asked) == 2


async def test_few_rows_are_kept_however_large_the_arrays(
    reader: AccountingReader, scheduler: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounting, "_ROWS_KEPT", 100)
    scheduler.rows = 40
    scheduler.gate.set()
    for number in range(5):
        assert len(await reader.since(JobId(str(number)), 0.0)) == 40
    for number in (4, 3):  # kept
        await reader.since(JobId(str(number)), 0.0)
    assert len(scheduler.asked) == 5
    await reader.since(JobId("2"), 0.0)
    assert len(scheduler.asked) == 6
