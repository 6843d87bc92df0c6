"""From a scheduler to a callback with nothing between left out: collector, events, endings, over stores in memory."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
import pytest

from superfacility.core.identifiers import new_uuid
from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import Watch
from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import Intent, JobScript, JobState
from superfacility.facility.systems import System, SystemName
from superfacility.services.compute.collector import Collector
from superfacility.services.compute.reading.sharing import Sharing
from superfacility.services.compute.submissions import SUBMIT
from superfacility.services.events.endings import Endings
from superfacility.services.events.readings import JobReadings
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers import FakeScheduler, named
from superfacility.testing.stores import (
    Memory,
    MemoryEventLog,
    MemoryLease,
    MemoryLocks,
    MemorySnapshotStore,
    MemoryTaskQueue,
)
from superfacility.testing.stores.callbacks import MemoryCallbackStore
from superfacility.testing.transports import MemoryTransport

ALICE = named("alice", 1001)
ARRAY = "#!/bin/sh\n#SBATCH --array=1-4\n"


@dataclass
class Facility:
    clock: FakeClock = field(default_factory=FakeClock)
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.scheduler = FakeScheduler(self.clock)
        self.queue = MemoryTaskQueue(self.memory, MemoryLease(), self.clock)
        self.events = MemoryEventLog(self.memory)
        self.store = MemoryCallbackStore(self.memory)
        system = System(SystemName("perlmutter"), "Perlmutter", MemoryTransport(), (), self.scheduler)
        sharing = Sharing(MemorySnapshotStore(self.memory), MemoryLocks(self.memory))
        self.collector = Collector(system, self.clock, sharing=sharing)
        readings = JobReadings({"perlmutter": self.collector})
        self.endings = Endings(self.events, self.store, self.queue, self.clock, readings)

    async def submit(self, text: str = "#!/bin/sh\n") -> str:
        now = self.clock.now()
        new = NewTask(ALICE.name, SUBMIT, {"system": "perlmutter"}, now, "red")
        task = await self.queue.accept(new, AuditEntry(now, "alice", SUBMIT, "perlmutter"))
        since = await self.events.last_id()
        await self.store.watch(Watch(task.id, ALICE.name, "perlmutter", now, since, "https://example.org/"))
        job_id = await self.scheduler.submit(ALICE, JobScript(text), Intent(new_uuid()))
        await self.queue.claim(WorkerId("w"), [SUBMIT], 10)
        await self.queue.finish(WorkerId("w"), task.id, TaskStatus.COMPLETED, {"jobid": job_id})
        return job_id

    async def pass_time(self, seconds: float, step: float = 6.0) -> list[dict[str, Any]]:
        """Readings and turns go on meanwhile; returns what is owed by then."""
        passed = 0.0
        while passed < seconds:
            self.clock.advance(timedelta(seconds=step))
            passed += step
            await self.collector.view(fresh=True)
            while await self.endings.turn():
                pass
        return [orjson.loads(each.what.body)["data"] for each in await self.store.deliveries(ALICE.name)]


@pytest.fixture
async def here() -> Facility:
    facility = Facility()
    await facility.collector.view()
    return facility


async def test_a_job_that_is_seen_to_run_and_to_end(here: Facility) -> None:
    job_id = await here.submit()
    assert await here.pass_time(12) == []
    here.scheduler.start(job_id)
    assert await here.pass_time(12) == []
    here.scheduler.finish(job_id, 3)
    (data,) = await here.pass_time(12)
    assert (data["jobid"], data["state"], data["exit_code"]) == (job_id, "FAILED", 3)


async def test_a_job_that_came_and_went_between_two_readings(here: Facility) -> None:
    job_id = await here.submit()
    here.scheduler.start(job_id)
    here.clock.advance(timedelta(seconds=1))
    here.scheduler.finish(job_id)
    (data,) = await here.pass_time(6)
    assert data["state"] == "COMPLETED"
    assert len(await here.pass_time(240)) == 1  # events tell of it later


@pytest.mark.parametrize("seen", [False, True])
@pytest.mark.parametrize("remembers", [timedelta(), timedelta(minutes=5)])
async def test_a_short_job_is_told_although_the_accounting_lags(
    here: Facility, remembers: timedelta, seen: bool
) -> None:
    here.scheduler.faults.accounting_lag, here.scheduler.remembers = timedelta(seconds=20), remembers
    job_id = await here.submit()
    here.scheduler.start(job_id)
    assert await here.pass_time(6 if seen else 0) == []
    here.clock.advance(timedelta(seconds=1))
    here.scheduler.finish(job_id)
    at_once = await here.pass_time(12)
    assert len(at_once) == (1 if remembers else 0)
    (data,) = at_once or await here.pass_time(60)
    assert data["state"] == "COMPLETED"


async def test_a_short_array_is_told_whole(here: Facility) -> None:
    job_id = await here.submit(ARRAY)
    for element in range(1, 5):
        here.scheduler.start(f"{job_id}_{element}")
        here.scheduler.finish(f"{job_id}_{element}", 1 if element == 4 else 0)
    (data,) = await here.pass_time(6)
    assert data["elements"] == {"COMPLETED": 3, "FAILED": 1}


@pytest.mark.parametrize("remembers", [timedelta(), timedelta(minutes=5)])
async def test_a_short_array_is_told_whole_although_the_accounting_learns_of_it_bit_by_bit(
    here: Facility, remembers: timedelta
) -> None:
    here.scheduler.faults.accounting_lag, here.scheduler.remembers = timedelta(seconds=20), remembers
    job_id = await here.submit(ARRAY)
    for element in range(1, 5):
        here.scheduler.start(f"{job_id}_{element}")
        here.scheduler.finish(f"{job_id}_{element}", 1 if element == 4 else 0)
        here.clock.advance(timedelta(seconds=4))
    (data,) = await here.pass_time(90)
    assert data["elements"] == {"COMPLETED": 3, "FAILED": 1}


async def test_an_array_whose_elements_end_one_by_one(here: Facility) -> None:
    job_id = await here.submit(ARRAY)
    for element in range(1, 5):
        here.scheduler.start(f"{job_id}_{element}")
        assert await here.pass_time(6) == []
        here.scheduler.finish(f"{job_id}_{element}", 7 if element == 2 else 0)
        owed = await here.pass_time(6)
        assert (owed == []) == (element < 4)
    (data,) = await here.pass_time(60)
    assert (data["state"], data["exit_code"]) == ("FAILED", 7)
    assert data["elements"] == {"COMPLETED": 3, "FAILED": 1}


async def test_an_array_whose_elements_end_unseen(here: Facility) -> None:
    job_id = await here.submit(ARRAY)
    await here.pass_time(6)
    for element in range(1, 5):
        here.scheduler.start(f"{job_id}_{element}")
        here.scheduler.finish(f"{job_id}_{element}", 9 if element == 3 else 0)
    (data,) = await here.pass_time(120)
    assert data["elements"] == {"COMPLETED": 3, "FAILED": 1}
    assert data["state"] == "FAILED"


async def test_an_array_that_is_cancelled_as_it_waits(here: Facility) -> None:
    job_id = await here.submit(ARRAY)
    await here.pass_time(6)
    here.scheduler.move(job_id, JobState.CANCELLED)
    (data,) = await here.pass_time(120)
    assert data["state"] == "CANCELLED"


async def test_a_scheduler_that_is_away_ends_nothing(here: Facility) -> None:
    job_id = await here.submit()
    here.scheduler.start(job_id)
    await here.pass_time(6)
    here.scheduler.finish(job_id)
    here.scheduler.faults.away = True
    for _ in range(5):
        here.clock.advance(timedelta(minutes=20))
        with pytest.raises(Unavailable):
            await here.scheduler.queue()
        assert await here.pass_time(6) == []
    here.scheduler.heal()
    (data,) = await here.pass_time(120)
    assert data["state"] == "COMPLETED"
