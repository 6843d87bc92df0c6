"""Probes: what they look at, what their failures mean, and that none of them holds up another."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.inventory import Inventory, Node
from superfacility.facility.status import Outage, Resource, ResourceName, ResourceState
from superfacility.facility.systems import Facility, System, SystemName
from superfacility.services.status.checks import FILE_NAME, FINE, Shares, nodes_are_up
from superfacility.services.status.probes import Probe, ProbeRules, probes_of
from superfacility.services.status.probing import Probes, RepeatedProbe
from superfacility.services.status.service import StatusService
from superfacility.services.status.settling import Finding
from superfacility.testing.clocks import FakeClock
from superfacility.testing.schedulers import FakeScheduler
from superfacility.testing.stores import Memory, MemoryStatusBoard
from superfacility.testing.transports import MemoryTransport

A, D, U = ResourceState.ACTIVE, ResourceState.DEGRADED, ResourceState.UNAVAILABLE
RULES = ProbeRules(period=30, time_limit=20, slow=5, folders={"scratch": "/scratch/probes"})
PERIOD = timedelta(seconds=30)


@dataclass
class Place:
    """One system, and the board that its probes report to."""

    clock: FakeClock = field(default_factory=FakeClock)
    memory: Memory = field(default_factory=Memory)
    transport: MemoryTransport = field(default_factory=MemoryTransport)

    def __post_init__(self) -> None:
        self.scheduler = FakeScheduler(self.clock)
        self.board = MemoryStatusBoard(self.memory, self.clock)
        self.status = StatusService(self.board, self.clock)
        self.system = System(SystemName("perlmutter"), "Perlmutter", self.transport, (), self.scheduler)
        self.transport.add_folder("/scratch/probes")

    async def add(self, *names: str) -> "Place":
        audit = AuditEntry(self.clock.now(), "operator:test", "test.fill", "everything")
        for name in names:
            await self.board.save_resource(Resource(ResourceName(name), name, "compute"), audit, new=True)
        return self

    def probe(self, what: str, rules: ProbeRules = RULES) -> RepeatedProbe:
        found = {each.name: each for each in probes_of(self.system, rules, self.clock)}
        return RepeatedProbe(found[f"perlmutter/{what}"], self.status, self.clock)

    async def shown(self, name: str = "perlmutter") -> tuple[ResourceState, str]:
        found = (await self.status.view()).resource(name)
        return found.state, found.description

    async def looks(self, probe: RepeatedProbe, times: int) -> None:
        for _ in range(times):
            await probe.look()
            self.clock.advance(PERIOD)


@pytest.fixture
async def place() -> Place:
    return await Place().add("perlmutter")


def break_login(place: Place) -> None:
    place.transport.faults.unavailable = True


def break_scheduler(place: Place) -> None:
    place.scheduler.faults.away = True


def break_folder(place: Place) -> None:
    place.transport.faults.full_after = 0


@pytest.mark.parametrize(
    ("what", "damage", "words"),
    [
        ("login", break_login, "The login does not answer"),
        ("scheduler", break_scheduler, "The batch scheduler does not answer"),
        ("scratch", break_folder, "scratch cannot be written"),
    ],
)
async def test_trouble_shows_after_three_looks_and_goes_after_two(
    place: Place, what: str, damage: Callable[[Place], None], words: str
) -> None:
    probe = place.probe(what)
    await place.looks(probe, 2)
    damage(place)
    await place.looks(probe, 2)
    assert await place.shown() == (A, "System is active")
    await place.looks(probe, 1)
    assert await place.shown() == (U, words)
    place.transport.faults.unavailable, place.transport.faults.full_after = False, None
    place.scheduler.heal()
    await place.looks(probe, 1)
    assert (await place.shown())[0] is U
    await place.looks(probe, 1)
    assert await place.shown() == (A, "System is active")


async def test_the_file_of_the_probe_is_removed(place: Place) -> None:
    await place.probe("scratch").look()
    assert f"/scratch/probes/{FILE_NAME}" not in place.transport.nodes
    (observation,) = await place.board.observations()
    assert observation.state is A


async def test_a_slow_answer_is_degraded(place: Place) -> None:
    class SlowTransport(MemoryTransport):
        async def ping(self) -> None:
            place.clock.advance(timedelta(seconds=6))

    place.system = replace(place.system, transport=SlowTransport())
    await place.looks(place.probe("login"), 3)
    assert await place.shown() == (D, "The login answers slowly")
    (observation,) = await place.board.observations()
    assert observation.latency == 6.0


def node(state: str, *, reachable: bool = True) -> Node:
    return Node("n", state, ("regular",), 64, 0, 1024, reachable=reachable)


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([], None),
        ([node("idle")] * 10, FINE),
        ([node("idle")] * 19 + [node("down")], FINE),
        ([node("mixed")] * 9 + [node("drained")], Finding(D, "1 of 10 nodes are down or drained")),
        ([node("idle")] * 9 + [node("idle", reachable=False)], Finding(D, "1 of 10 nodes are down or drained")),
        ([node("idle"), node("down")], Finding(U, "1 of 2 nodes are down or drained")),
    ],
)
async def test_the_share_of_nodes_decides(place: Place, nodes: list[Node], found: Finding | None) -> None:
    assert Shares(0.1, 0.5).finding(Inventory(tuple(nodes), (), place.clock.now())) == found


async def test_any_share_counts_where_the_threshold_is_zero(place: Place) -> None:
    inventory = Inventory((node("down"), *[node("idle")] * 999), (), place.clock.now())
    assert Shares(0.0, 0.5).finding(inventory) == Finding(D, "1 of 1000 nodes are down or drained")


async def test_an_old_reading_of_nodes_says_nothing(place: Place) -> None:
    inventory = Inventory((node("down"),), (), place.clock.now())

    async def read() -> Inventory:
        return inventory

    check = nodes_are_up(read, Shares(), place.clock, max_age=timedelta(minutes=1))
    found = await check()
    assert found is not None
    assert found.state is U
    place.clock.advance(timedelta(seconds=61))
    assert await check() is None


async def test_a_scheduler_that_is_away_says_nothing_of_nodes(place: Place) -> None:
    place.scheduler.faults.away = True
    await place.looks(place.probe("nodes"), 5)
    assert await place.board.observations() == []


@pytest.mark.parametrize(
    ("names", "resources", "expected"),
    [
        (["perlmutter"], {}, {"scheduler": "perlmutter", "login": "perlmutter", "scratch": "perlmutter"}),
        (["perlmutter", "perlmutter-scheduler"], {}, {"scheduler": "perlmutter-scheduler", "login": "perlmutter"}),
        (["perlmutter", "scratch", "perlmutter-login"], {}, {"scratch": "scratch", "login": "perlmutter-login"}),
        (["perlmutter", "queues"], {"scheduler": "queues"}, {"scheduler": "queues", "nodes": "perlmutter"}),
        (["perlmutter"], {"scheduler": "missing"}, {"scheduler": None, "login": "perlmutter"}),
        (["other"], {}, {"scheduler": None, "nodes": None, "login": None, "scratch": None}),
    ],
)
async def test_which_resource_a_probe_speaks_of(
    names: list[str], resources: dict[str, str], expected: dict[str, str | None]
) -> None:
    place = await Place().add(*names)
    for what in expected:
        await place.probe(what, replace(RULES, resources=resources)).look()
    told = {each.probe.partition("/")[2]: each.resource for each in await place.board.observations()}
    assert told == {what: name for what, name in expected.items() if name}


async def test_a_new_process_goes_on_where_the_last_one_stopped(place: Place) -> None:
    place.scheduler.faults.away = True
    await place.looks(place.probe("scheduler"), 3)
    (before,) = await place.board.observations()
    await place.looks(place.probe("scheduler"), 1)
    (after,) = await place.board.observations()
    assert (after.state, after.since) == (U, before.since)
    assert after.expires_at > before.expires_at


async def test_what_a_probe_found_is_forgotten_when_it_looks_no_more(place: Place) -> None:
    place.scheduler.faults.away = True
    await place.looks(place.probe("scheduler"), 3)
    assert (await place.shown())[0] is U
    place.clock.advance(timedelta(minutes=10))
    assert (await place.shown())[0] is A


async def test_in_a_maintenance_a_probe_looks_on_but_quietly(place: Place) -> None:
    place.scheduler.faults.away = True
    with capture_logs() as loud:
        await place.looks(place.probe("scheduler"), 3)
    assert [each["log_level"] for each in loud if each["event"] == "probe settled"] == ["warning"]
    place = await Place().add("perlmutter")
    place.scheduler.faults.away = True
    outage = Outage(0, ResourceName("perlmutter"), place.clock.now(), None, "Maintenance")
    await place.status.announce(outage, "operator:test")
    with capture_logs() as quiet:
        await place.looks(place.probe("scheduler"), 3)
    assert [each["log_level"] for each in quiet if each["event"] == "probe settled"] == ["info"]
    assert await place.shown() == (U, "Maintenance")
    assert len(await place.board.observations()) == 1


def stubborn(name: str, check: Callable[[], Awaitable[Finding | None]], trouble: str | None = "trouble") -> Probe:
    rules = replace(RULES, period=0.01, time_limit=0.05, failures=2)
    return Probe(name, ("perlmutter",), check, rules, trouble)


async def test_a_check_that_hangs_and_cannot_be_cancelled_is_a_failure(place: Place) -> None:
    release, begun = asyncio.Event(), 0

    async def hang() -> Finding:
        nonlocal begun
        begun += 1
        while True:
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
            raise Unavailable("at last")

    probe = RepeatedProbe(stubborn("hangs", hang), place.status, place.clock)
    for _ in range(3):
        async with asyncio.timeout(20):
            await probe.look()
    assert await place.shown() == (U, "trouble")
    assert begun == 1
    release.set()


async def test_a_check_with_a_defect_is_a_failure_and_is_logged(place: Place) -> None:
    async def fail() -> Finding:
        raise ZeroDivisionError

    probe = RepeatedProbe(stubborn("fails", fail), place.status, place.clock)
    with capture_logs() as logs:
        await probe.look()
        await probe.look()
    assert await place.shown() == (U, "trouble")
    assert "probe is broken" in [each["event"] for each in logs]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110 - a poll, as clients do
            await asyncio.sleep(0.01)


async def test_one_that_hangs_delays_no_other_and_not_the_end(place: Place) -> None:
    class HangingTransport(MemoryTransport):
        async def ping(self) -> None:
            await asyncio.Event().wait()

    place.scheduler.faults.away = True
    place.system = replace(place.system, transport=HangingTransport())
    facility = Facility("Example", {"perlmutter": place.system})
    rules = {"perlmutter": ProbeRules(period=0.01, time_limit=3600)}
    stop = asyncio.Event()
    running = asyncio.create_task(Probes(facility, place.status, place.clock, rules).run(stop))

    async def shows() -> bool:
        return (await place.shown())[1] == "The batch scheduler does not answer"

    await until(shows)
    assert not any(each.probe.endswith("login") for each in await place.board.observations())
    stop.set()
    async with asyncio.timeout(20):
        await running


async def test_each_system_with_rules_is_probed(place: Place) -> None:
    bare = System(SystemName("dtns"), "Data transfer nodes", place.transport, ())
    await place.add("dtns")
    facility = Facility("Example", {"perlmutter": place.system, "dtns": bare, "else": bare})
    stop = asyncio.Event()
    rules = {name: replace(RULES, period=3600) for name in ("perlmutter", "dtns")}
    running = asyncio.create_task(Probes(facility, place.status, place.clock, rules).run(stop))
    expected = ["dtns/login", "dtns/scratch"]
    expected += [f"perlmutter/{each}" for each in ("login", "nodes", "scheduler", "scratch")]

    async def reported() -> bool:
        return [each.probe for each in await place.board.observations()] == expected

    await until(reported)
    stop.set()
    await running


async def test_a_board_that_does_not_answer_ends_no_probe(place: Place) -> None:
    calls = 0

    class Flaky(MemoryStatusBoard):
        async def observe(self, observations: object) -> None:
            nonlocal calls
            calls += 1
            raise Unavailable("The database does not answer.")

    place.status.board = Flaky(place.memory, place.clock)
    probe = RepeatedProbe(
        replace(place.probe("login").probe, rules=replace(RULES, period=0.01)), place.status, place.clock
    )
    running = asyncio.create_task(probe.run())

    async def again() -> bool:
        return calls > 2

    with capture_logs() as logs:
        await until(again)
    running.cancel()
    assert "probe could not report" in {each["event"] for each in logs}
