"""What a job costs, and the loop that writes it into the ledger."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.facility.accounting.charges import HoursKind, NodeType, Rate, price
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import Job, JobId, JobQuery, JobState
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.services.accounting.charges import ChargeService
from superfacility.services.compute.reading.changes import compare
from superfacility.services.compute.reading.trail import Trail
from superfacility.testing.clocks import START, FakeClock
from superfacility.testing.stores import Memory, MemoryEventLog, MemoryLedger, MemoryPeople
from superfacility.testing.transports import MemoryTransport

DEMO1 = UserName("demo1")
HOUR = timedelta(hours=1)
JOB = Job(
    JobId("1"), DEMO1, JobState.COMPLETED, {}, submitted_at=START, ended_at=START + HOUR, elapsed=HOUR, cpus=64
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rate", "expected"),
    [
        ({}, Rate(128), 0.5),
        ({"cpus": 128}, Rate(128), 1.0),
        ({"cpus": 256}, Rate(128), 2.0),
        ({"cpus": 0}, Rate(128), 1 / 128),
        ({}, Rate(128, factor=3.0), 1.5),
        ({"qos": "debug"}, Rate(128, qos_factors={"debug": 2.0}), 1.0),
        ({"qos": "regular"}, Rate(128, qos_factors={"debug": 2.0}), 0.5),
        ({"elapsed": timedelta(minutes=6)}, Rate(128, 2.0, {"": 5.0}), 0.5),
        ({"elapsed": timedelta()}, Rate(128), 0.0),
    ],
)
def test_node_hours(changes, rate: Rate, expected: float) -> None:
    assert price(replace(JOB, **changes), rate) == (HoursKind.CPU, pytest.approx(expected))


class Accounting:
    """A scheduler that only remembers. `away` makes the next readings fail."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.away = 0
        self.asked: list[JobQuery] = []

    async def accounting(self, query: JobQuery) -> list[Job]:
        self.asked.append(query)
        if self.away:
            self.away -= 1
            raise Unavailable("away")
        return [job for job in self.jobs if query.matches(job)]


class Book:
    """The service over stores in memory; demo1 is a member of m0001."""

    def __init__(self, period: float = 0.01) -> None:
        memory = Memory()
        self.people, self.scheduler = MemoryPeople(memory), Accounting()
        self.system = System(
            SystemName("perlmutter"), "Perlmutter", MemoryTransport(), (), self.scheduler, Rate(64)  # type: ignore[arg-type]
        )  # fmt: skip
        self.clock, self.events, self.period = FakeClock(), MemoryEventLog(memory), period
        self.ledger = MemoryLedger(memory)
        self.use(self.system)

    def use(self, system: System) -> None:
        facility = Facility("Example", {"perlmutter": system})
        self.charges = ChargeService(
            self.ledger, self.people, facility, self.clock, events=self.events, period=self.period
        )

    async def fill(self) -> None:
        audit = AuditEntry(START, "operator:test", "test.fill", "everything")
        await self.people.save_user(User(0, DEMO1), audit, new=True)
        for name in ("m0001", "m0002"):
            await self.people.save_project(Project(0, ProjectName(name)), audit, new=True)
            await self.people.set_membership(ProjectName(name), DEMO1, Role.USER, audit)

    async def used(self) -> dict[str, float]:
        return {each.project: each.node_hours for each in await self.ledger.usage(projects=["m0001", "m0002"])}


@pytest.fixture
async def book() -> Book:
    book = Book()
    await book.fill()
    return book


async def test_what_has_ended_is_charged_once_to_its_project_or_the_users_first(book: Book) -> None:
    book.scheduler.jobs = [
        JOB,
        replace(JOB, id=JobId("2"), project=ProjectName("m0002"), elapsed=2 * HOUR),
        replace(JOB, id=JobId("3"), state=JobState.RUNNING, ended_at=None),
        replace(JOB, id=JobId("1"), submitted_at=START + 2 * HOUR, ended_at=START + 3 * HOUR),  # the id came again
    ]
    assert await book.charges.collect(book.system) == 3
    assert await book.charges.collect(book.system) == 0
    assert await book.used() == {"m0001": 2.0, "m0002": 2.0}
    assert [query.since for query in book.scheduler.asked] == [START - timedelta(days=30), START + 2 * HOUR]


async def test_a_project_that_has_ended_is_nobodys_first(book: Book) -> None:
    audit = AuditEntry(START, "operator:test", "test.end", "m0001")
    ended = await book.people.project(ProjectName("m0001"))
    assert ended is not None
    await book.people.save_project(replace(ended, active=False), audit)
    book.scheduler.jobs = [JOB]
    await book.charges.collect(book.system)
    assert await book.used() == {"m0002": 1.0}


async def test_nobody_spends_the_hours_of_a_project_of_others(book: Book) -> None:
    audit = AuditEntry(START, "operator:test", "test.leave", "m0002")
    await book.people.set_membership(ProjectName("m0002"), DEMO1, None, audit)
    book.scheduler.jobs = [replace(JOB, project=ProjectName("m0002"))]
    await book.charges.collect(book.system)
    assert await book.used() == {"m0001": 1.0}


async def test_the_loop_outlives_a_scheduler_that_does_not_answer(book: Book) -> None:
    book.scheduler.jobs, book.scheduler.away = [JOB], 2
    stop = asyncio.Event()
    running = asyncio.create_task(book.charges.run(stop))
    async with asyncio.timeout(30):
        while not await book.used():
            book.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert await book.used() == {"m0001": 1.0}


async def test_ends_that_come_as_events_are_charged_without_asking_accounting(book: Book) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(book.charges.run(stop))
    async with asyncio.timeout(30):
        while not book.scheduler.asked:  # noqa: ASYNC110 - a poll, as callers do
            await asyncio.sleep(0.01)
        before = {JOB.id: replace(JOB, state=JobState.RUNNING, ended_at=None)}
        ended = compare("perlmutter", before, Trail(), [replace(JOB, project=ProjectName("m0002"))], START)
        await book.events.append([*ended.events, *ended.events])
        while not await book.used():  # noqa: ASYNC110 - a poll, as callers do
            await asyncio.sleep(0.01)
    stop.set()
    await running
    assert await book.used() == {"m0002": 1.0}
    assert len(book.scheduler.asked) == 1


async def test_what_depends_on_gpus_that_the_queue_does_not_tell_is_asked_of_accounting() -> None:
    book = Book()
    book.scheduler.jobs = []
    await book.fill()
    gpu = NodeType("gpu", 64, 4, kind=HoursKind.GPU, with_gpus=True)
    system = replace(book.system, rate=Rate(64, node_types=(gpu,)))
    book.use(system)
    stop = asyncio.Event()
    running = asyncio.create_task(book.charges.run(stop))
    async with asyncio.timeout(30):
        while not book.scheduler.asked:  # noqa: ASYNC110 - a poll, as callers do
            await asyncio.sleep(0.01)
        ended = compare("perlmutter", {JOB.id: replace(JOB, state=JobState.RUNNING)}, Trail(), [JOB], START)
        await book.events.append(ended.events)
        while len(book.scheduler.asked) < 2:  # noqa: ASYNC110 - a poll, as callers do
            await asyncio.sleep(0.01)
        assert not await book.used()
        book.scheduler.jobs = [replace(JOB, gpus=4)]
        while not await book.used():
            book.clock.advance(timedelta(seconds=1))
            await asyncio.sleep(0.01)
    stop.set()
    await running
    (used,) = await book.ledger.usage()
    assert (used.kind, used.node_hours) == (HoursKind.GPU, 1.0)
