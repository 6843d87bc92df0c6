"""One reading for all: how often a scheduler is asked, and what callers get while it does not answer."""

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest

from superfacility.core.clock import SystemClock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import Unavailable
from superfacility.facility.events import EventKind
from superfacility.facility.jobs import Intent, JobId, JobScript, JobState
from superfacility.facility.systems import System, SystemName
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.reading.sharing import Sharing
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers import FakeScheduler, named
from superfacility.testing.stores import Memory, MemoryEventLog, MemoryLocks, MemorySnapshotStore
from superfacility.testing.transports import MemoryTransport

ALICE = named("alice", 1001)
SECOND = timedelta(seconds=1)


class SlowScheduler(FakeScheduler):
    """Each reading takes a while; counts how many are under way."""

    reading = 0
    most = 0
    gate: asyncio.Event | None = None
    began: asyncio.Event | None = None

    async def queue(self):
        self.reading += 1
        if self.began is not None:
            self.began.set()
        self.most = max(self.most, self.reading)
        try:
            await asyncio.sleep(0.01)
            self.clock.advance(timedelta(milliseconds=10))
            if self.gate is not None:
                await self.gate.wait()
            return await super().queue()
        finally:
            self.reading -= 1


class Instant(FakeScheduler):
    """Answers at once; counts as the slow one."""

    reading = 0
    most = 0

    async def queue(self):
        self.reading += 1
        self.most = max(self.most, self.reading)
        await asyncio.sleep(0)
        self.reading -= 1
        return await super().queue()


class Installation:
    """Processes that share stores and a scheduler; a process is a collector."""

    def __init__(self) -> None:
        self.clock, self.memory = FakeClock(), Memory()
        self.scheduler = SlowScheduler(self.clock)
        self.events = MemoryEventLog(self.memory)

    def process(self, **options) -> Collector:
        sharing = Sharing(MemorySnapshotStore(self.memory), MemoryLocks(self.memory))
        system = System(SystemName("perlmutter"), "Perlmutter", MemoryTransport(), (), self.scheduler)
        return Collector(system, self.clock, sharing=sharing, **options)

    async def submit(self, text: str = "#!/bin/sh\n") -> JobId:
        return await self.scheduler.submit(ALICE, JobScript(text), Intent(new_uuid()))

    async def told(self) -> list[tuple[str, str | None]]:
        """State by state, and `ended_unknown` for what was lost."""
        found = [each.what for each in await self.events.after(0)]
        return [(each.subject, "lost" if each.kind is EventKind.JOB_LOST else each.data["state"]) for each in found]


@pytest.fixture
def here() -> Installation:
    return Installation()


async def test_two_processes_never_read_at_once_and_once_in_a_period(here):
    processes = [here.process(), here.process()]
    for _ in range(3):
        await asyncio.gather(*(process.view() for process in processes for _ in range(20)))
        here.clock.advance(timedelta(seconds=5.1))
    assert (here.scheduler.calls["queue"], here.scheduler.most) == (3, 1)


async def test_fresh_readings_are_shared_by_all_who_came_before_they_began(here):
    processes = [here.process(), here.process()]
    await processes[0].view()
    for _ in range(3):
        here.clock.advance(SECOND)
        began = here.clock.now()
        views = await asyncio.gather(*(process.view(fresh=True) for process in processes for _ in range(20)))
        assert all(view.began_at >= began for view in views)
    assert here.scheduler.most == 1
    assert here.scheduler.calls["queue"] <= 1 + 3 * 4


async def test_while_the_next_reading_is_made_nobody_waits_who_accepts_the_last(here):
    collector = here.process(period=5.0)
    first = await collector.view()
    here.scheduler.gate, here.scheduler.began = asyncio.Event(), asyncio.Event()
    here.clock.advance(timedelta(seconds=5.1))
    reading = asyncio.create_task(collector.view())
    async with asyncio.timeout(20):
        await here.scheduler.began.wait()
    assert [await collector.view() for _ in range(100)] == [first] * 100
    assert not reading.done()
    here.clock.advance(timedelta(seconds=5))
    assert collector.current is None, "too old, whatever is under way"
    here.scheduler.gate.set()
    assert (await reading).began_at > first.began_at
    assert here.scheduler.calls["queue"] == 2


async def test_busy_callers_of_fresh_data_wait_for_readings_that_begin_apart():
    here, apart = Installation(), timedelta(seconds=0.2)
    here.clock = SystemClock()
    here.scheduler = Instant(here.clock)
    processes = [here.process(apart=apart.total_seconds()) for _ in range(2)]
    end, moments = asyncio.get_running_loop().time() + 1.5, set()

    async def ask(process: Collector) -> None:
        while asyncio.get_running_loop().time() < end:
            asked_at = here.clock.now()
            view = await process.view(fresh=True)
            assert view.began_at >= asked_at
            moments.add(view.began_at)

    await asyncio.gather(*(ask(process) for process in processes for _ in range(50)))
    began = sorted(moments)
    assert here.scheduler.most == 1
    assert here.scheduler.calls["queue"] == len(began) > 1
    assert min(later - earlier for earlier, later in pairwise(began)) > apart * 0.9


async def test_what_is_said_again_keeps_what_was_rendered_of_it(here):
    job_id = await here.submit()
    collector = here.process()
    first = await collector.view()
    first.answers.keep("rows", b"all")
    for _ in range(10):  # sweeps of accounting are among them
        view = await read(collector, here)
    assert view.began_at > first.began_at
    assert view.answers.get("rows") == b"all"
    here.scheduler.start(job_id)
    assert (await read(collector, here)).answers.get("rows") is None


async def test_callers_of_a_silent_system_stand_in_nobodys_way(here, monkeypatch):
    monkeypatch.setattr("superfacility.services.compute.collector._PATIENCE", 600.0)
    silent, other = Installation(), here.process()
    silent.scheduler.gate, silent.scheduler.began = asyncio.Event(), asyncio.Event()
    collector = silent.process()
    waiting = [asyncio.create_task(collector.view(fresh=bool(number % 2))) for number in range(100)]
    async with asyncio.timeout(20):
        await silent.scheduler.began.wait()
        for _ in range(100):
            await other.view()
            await other.view(fresh=True)
            here.clock.advance(SECOND)
    assert not any(each.done() for each in waiting)
    assert silent.scheduler.calls["queue"] == 0, "the one question has not been answered"
    assert silent.scheduler.most == 1
    silent.scheduler.gate.set()
    await asyncio.gather(*waiting)


async def test_another_process_sees_what_one_has_read(here):
    await here.submit()
    first, second = here.process(), here.process()
    jobs = (await first.view()).jobs
    assert (await second.view()).jobs == jobs
    assert here.scheduler.calls["queue"] == 1


async def test_after_a_restart_the_last_reading_answers_while_the_scheduler_is_down(here):
    job_id = await here.submit()
    began = (await here.process().view()).began_at
    here.clock.advance(timedelta(hours=1))
    here.scheduler.inject("queue", Unavailable("down"), times=100)
    again = here.process()
    for fresh in (False, True):
        view = await again.view(fresh=fresh)
        assert [job.id for job in view.jobs] == [job_id]
        assert view.began_at == began
        assert again.stale(view)


async def test_without_any_reading_the_error_says_what_to_do(here):
    here.scheduler.inject("queue", Unavailable("slurmctld is down"), times=100)
    collector = here.process()
    for _ in range(5):
        with pytest.raises(Unavailable, match="slurmctld is down"):
            await collector.view()
    assert here.scheduler.calls["queue"] == 1, "callers do not hammer a scheduler that is down"


async def test_recovery_takes_no_longer_than_two_periods(here):
    collector = here.process()
    await collector.view()
    here.scheduler.inject("queue", Unavailable("down"), times=5)
    for _ in range(20):
        here.clock.advance(SECOND)
        await collector.view()
    here.scheduler.heal()
    here.clock.advance(timedelta(seconds=10))
    view = await collector.view()
    assert not collector.stale(view)
    assert here.clock.now() - view.began_at < SECOND


async def test_a_scheduler_that_hangs_makes_callers_wait_once_and_then_hardly(here, monkeypatch):
    monkeypatch.setattr("superfacility.services.compute.collector._PATIENCE", 0.2)
    monkeypatch.setattr("superfacility.services.compute.collector._IMPATIENCE", 0.02)
    collector = here.process()
    first = await collector.view()
    here.scheduler.gate = asyncio.Event()
    here.clock.advance(timedelta(seconds=30))
    assert await collector.view() == first
    monkeypatch.setattr("superfacility.services.compute.collector._PATIENCE", 600.0)
    async with asyncio.timeout(60):
        assert await asyncio.gather(*(collector.view() for _ in range(50))) == [first] * 50
    here.scheduler.gate.set()
    here.scheduler.gate = None
    async with asyncio.timeout(20):
        while (await collector.view()).began_at == first.began_at:
            here.clock.advance(SECOND)
            await asyncio.sleep(0.01)


async def test_a_clock_that_is_set_back_does_not_stop_readings(here):
    collector = here.process()
    await collector.view()
    here.clock.advance(-timedelta(hours=1))
    view = await here.process().view()
    assert abs(view.began_at - here.clock.now()) < SECOND
    assert here.scheduler.calls["queue"] == 2


async def read(collector: Collector, here: Installation, seconds: float = 6.0):
    here.clock.advance(timedelta(seconds=seconds))
    return await collector.view()


async def test_a_life_of_a_job_in_events(here):
    collector = here.process()
    await collector.view()
    job_id = await here.submit()
    await read(collector, here)
    here.scheduler.start(job_id)
    await read(collector, here)
    here.scheduler.finish(job_id, 3)
    await read(collector, here)
    await read(collector, here)
    assert await here.told() == [(job_id, "PENDING"), (job_id, "RUNNING"), (job_id, "FAILED")]
    last = (await here.events.after(0))[-1].what
    assert last.data["exit_code"] == 3
    assert last.data["previous"] == "RUNNING"


async def test_a_job_between_two_readings_is_told_by_the_next_sweep_once(here):
    collector = here.process()
    await collector.view()
    job_id = await here.submit()
    here.scheduler.start(job_id)
    here.scheduler.finish(job_id)
    for _ in range(30):
        await read(collector, here)
    assert await here.told() == [(job_id, "COMPLETED")]


async def test_while_accounting_lags_a_job_keeps_its_last_state(here):
    collector = here.process()
    job_id = await here.submit()
    here.scheduler.start(job_id)
    await collector.view()
    here.scheduler.inject("accounting", Unavailable("slurmdbd is down"), times=3)
    here.scheduler.finish(job_id)
    view = await read(collector, here)
    assert [job.state for job in view.last_seen(job_id)] == [JobState.RUNNING]
    assert view.jobs == ()
    here.scheduler.heal()
    view = await read(here.process(), here)  # what to look up survives the process
    assert view.last_seen(job_id) == []
    assert await here.told() == [(job_id, "COMPLETED")]


async def test_ends_that_accounting_knows_are_told_although_the_scheduler_does_not_tell_of_others(here):
    """What accounting does not have yet is asked of the scheduler itself, which may not answer."""
    collector = here.process()
    recorded, behind = await here.submit(), await here.submit()
    here.scheduler.start(recorded)
    here.scheduler.start(behind)
    await collector.view()
    here.scheduler.finish(recorded)
    here.clock.advance(timedelta(hours=2))
    here.scheduler.faults.accounting_lag = timedelta(hours=1)
    here.scheduler.finish(behind)
    own = here.scheduler.accounting

    async def accounting(query):
        if query.up_to_date:
            raise Unavailable("squeue failed")
        return await own(query)

    here.scheduler.accounting = accounting
    await read(collector, here)
    assert await here.told() == [(recorded, "COMPLETED")]
    here.scheduler.accounting = own
    await read(collector, here)
    assert await here.told() == [(recorded, "COMPLETED"), (behind, "COMPLETED")]


async def test_what_no_accounting_knows_is_lost_and_gets_no_invented_state(here):
    collector = here.process(lost_after=timedelta(minutes=1))
    job_id = await here.submit()
    await collector.view()
    del here.scheduler.jobs[job_id]
    for _ in range(40):
        await read(collector, here)
    assert await here.told() == [(job_id, "lost")]


async def test_a_garbled_answer_says_nothing(here):
    collector = here.process()
    job_id = await here.submit()
    first = await collector.view()

    async def garbled():
        raise ValueError("no such column")

    here.scheduler.queue = garbled
    view = await read(collector, here, 60)
    assert (view, [job.id for job in view.jobs]) == (first, [job_id])


async def test_the_loop_keeps_the_view_young(here):
    collector = here.process(period=0.1)
    stop = asyncio.Event()
    running = asyncio.create_task(collector.run(stop))
    async with asyncio.timeout(20):
        while here.scheduler.calls["queue"] < 3:
            if not here.scheduler.reading:  # one that takes long is made seldom
                here.clock.advance(SECOND)
            await asyncio.sleep(0.01)
    stop.set()
    await running


async def test_a_queue_that_is_long_to_go_through_is_read_less_often_and_nobody_waits_for_that(here, monkeypatch):
    collector = here.process(period=5.0)

    async def slowly(*given, **more):
        here.clock.advance(3 * SECOND)
        return await publish(*given, **more)

    publish = collector._readings.publish
    monkeypatch.setattr(collector._readings, "publish", slowly)
    for _ in range(4):
        await here.submit()
        await collector.view(fresh=True)
        here.clock.advance(SECOND)
    assert collector.period == 12.0
    here.clock.advance(5 * SECOND)
    assert collector.current is not None
