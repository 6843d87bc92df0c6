"""Nodes, partitions and the queue in numbers, without asking the scheduler and without names."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.errors import NotFound, NotPermitted, Unsupported
from superfacility.facility.inventory import Inventory, Node, Partition
from superfacility.facility.jobs import Job, JobId, JobState
from superfacility.facility.people import User, UserName
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.status.summaries import NodeTotals, QueueDepth, SystemSummaries, queue_depths
from superfacility.testing.schedulers import FakeScheduler
from superfacility.testing.transports import MemoryTransport

NOW = datetime(2026, 5, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
NODES = (
    Node("n1", "mixed", ("regular", "debug"), 128, 64, 1024),
    Node("n2", "idle", ("regular",), 128, 0, 1024),
    Node("n3", "down", ("regular",), 128, 0, 1024, reason="alice's job broke it"),
    Node("n4", "idle", ("regular",), 64, 0, 1024, reachable=False),
)
PARTITIONS = (
    Partition("regular", "up", True, 24 * HOUR, 4),
    Partition("debug", "drain", False, None, 1),
    Partition("empty", "up", False, None, 0),
)


def job(number: int, state: JobState, partition: str = "regular", qos: str = "normal", hours: int = 0) -> Job:
    submitted = NOW - hours * HOUR
    return Job(JobId(str(number)), UserName("alice"), state, {}, partition=partition, qos=qos, submitted_at=submitted)


JOBS = (
    job(1, JobState.PENDING, hours=2),
    job(2, JobState.PENDING, hours=3),
    job(3, JobState.RUNNING, hours=9),
    job(4, JobState.COMPLETING),
    job(5, JobState.RUNNING, "debug", "debug"),
)


@dataclass
class View:
    jobs: tuple[Job, ...] = JOBS
    began_at: datetime = NOW


@dataclass
class FixedReadings:
    found: View = field(default_factory=View)

    async def inventory(self) -> Inventory:
        return Inventory(NODES, PARTITIONS, NOW - HOUR)

    async def view(self) -> View:
        return self.found


@pytest.fixture
def readings() -> FixedReadings:
    return FixedReadings()


@pytest.fixture
def summaries(readings: FixedReadings) -> SystemSummaries:
    transport = MemoryTransport()
    systems = {
        "perlmutter": System(SystemName("perlmutter"), "Perlmutter", transport, (), FakeScheduler()),
        "dtns": System(SystemName("dtns"), "Data transfer nodes", transport, ()),
    }
    return SystemSummaries(Facility("Example", systems, aliases={"pm": "perlmutter"}), {"perlmutter": readings})


def principal(*, staff: bool) -> Principal:
    level = SecurityLevel.YELLOW
    user = User(1, UserName("bob"), staff=staff)
    return Principal(user, ClientId("abcdefghijklm"), level, scopes_of(level), "127.0.0.1", NOW + HOUR)


async def test_nodes_are_counted(summaries: SystemSummaries) -> None:
    found = await summaries.nodes("pm")
    assert (found.system.full_name, found.taken_at) == ("Perlmutter", NOW - HOUR)
    assert found.totals == NodeTotals(4, 2, {"down": 1, "idle": 2, "mixed": 1}, 448, 64)


async def test_partitions_have_their_own_nodes(summaries: SystemSummaries) -> None:
    found = (await summaries.partitions("perlmutter")).partitions
    counted = [(each.name, totals.nodes, totals.usable, totals.cpus) for each, totals in found]
    assert counted == [("regular", 4, 2, 448), ("debug", 1, 1, 128), ("empty", 0, 0, 0)]


def test_jobs_are_counted_by_partition_and_qos() -> None:
    assert queue_depths(JOBS) == (
        QueueDepth("debug", "debug", 0, 1, 0, None),
        QueueDepth("regular", "normal", 2, 1, 1, NOW - 3 * HOUR),
    )
    assert queue_depths(()) == ()


async def test_the_queue_is_counted_once_a_reading(summaries: SystemSummaries, readings: FixedReadings) -> None:
    first, second = await summaries.queue("perlmutter"), await summaries.queue("perlmutter")
    assert first.depths is second.depths
    readings.found = View(jobs=JOBS[:1], began_at=NOW + HOUR)
    third = await summaries.queue("perlmutter")
    assert (third.taken_at, [each.pending for each in third.depths]) == (NOW + HOUR, [1])
    readings.found = replace(readings.found, jobs=())
    assert (await summaries.queue("perlmutter")).depths == ()


async def test_reasons_are_for_staff(summaries: SystemSummaries) -> None:
    assert [each.name for each in await summaries.unusable_nodes(principal(staff=True), "perlmutter")] == ["n3", "n4"]
    with pytest.raises(NotPermitted):
        await summaries.unusable_nodes(principal(staff=False), "perlmutter")


async def test_only_systems_with_a_scheduler_have_them(summaries: SystemSummaries) -> None:
    for ask in (summaries.nodes, summaries.partitions, summaries.queue):
        with pytest.raises(Unsupported):
            await ask("dtns")
        with pytest.raises(NotFound):
            await ask("nowhere")
