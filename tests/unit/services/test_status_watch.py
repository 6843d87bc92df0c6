"""Every change of the status page is remembered once and told as an event."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.events import EventKind
from superfacility.facility.status import Observation, Outage, OutageStatus, Resource, ResourceName, ResourceState
from superfacility.services.status.service import StatusService
from superfacility.services.status.watch import StatusWatch
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory, MemoryEventLog, MemoryStatusBoard

NAME = ResourceName("perlmutter")
OPERATOR = "operator:test"
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@dataclass
class Watched:
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 5, 31, 12, 0, tzinfo=UTC)))
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.board = MemoryStatusBoard(self.memory, self.clock)
        self.events = MemoryEventLog(self.memory)
        self.restart()

    def restart(self) -> None:
        self.status = StatusService(self.board, self.clock)
        self.watch = StatusWatch(self.status, self.clock, self.events)

    async def announce(self, **changes: Any) -> Outage:
        now = self.clock.now()
        outage = replace(Outage(0, NAME, now + HOUR, now + 2 * HOUR, "Maintenance"), **changes)
        return await self.status.announce(outage, OPERATOR)

    async def told(self) -> list[tuple[str, ...]]:
        """The history since the last question, oldest first: `previous>state`; look first."""
        await self.watch.look()
        rows = list(reversed(await self.board.changes(NAME)))
        new, self.seen = rows[len(getattr(self, "seen", [])) :], rows
        return [(each.previous or "", each.state) for each in new]

    async def events_told(self) -> list[tuple[EventKind, Any]]:
        found = [each.what for each in await self.events.after(0)]
        return [(each.kind, each.data.get("state") or each.data.get("status")) for each in found]


@pytest.fixture
async def watched() -> Watched:
    watched = Watched()
    audit = AuditEntry(watched.clock.now(), OPERATOR, "test.fill", "everything")
    await watched.board.save_resource(Resource(NAME, "Perlmutter", "compute"), audit, new=True)
    return watched


async def test_an_outage_begins_and_ends_by_the_clock(watched: Watched) -> None:
    assert await watched.told() == [("", "active")]
    await watched.announce()
    assert await watched.told() == [("", "Planned")]
    watched.clock.advance(HOUR)
    assert await watched.told() == [("active", "unavailable"), ("Planned", "Active")]
    watched.clock.advance(HOUR)
    assert await watched.told() == [("unavailable", "active"), ("Active", "Completed")]
    watched.clock.advance(HOUR)
    assert await watched.told() == []
    assert await watched.events_told() == [
        (EventKind.OUTAGE, "Planned"),
        (EventKind.RESOURCE, "unavailable"),
        (EventKind.OUTAGE, "Active"),
        (EventKind.RESOURCE, "active"),
        (EventKind.OUTAGE, "Completed"),
    ]


async def test_an_event_says_what_became_of_what(watched: Watched) -> None:
    await watched.told()
    await watched.status.change_resource(NAME, OPERATOR, state=ResourceState.DEGRADED, description="slow")
    outage = await watched.announce()
    await watched.told()
    first, second = [each.what for each in await watched.events.after(0)]
    assert (first.subject, first.system, first.user, first.at) == (NAME, NAME, None, watched.clock.now())
    assert first.data == {"name": NAME, "state": "degraded", "previous": "active", "description": "slow"}
    assert (second.subject, second.data["id"], second.data["previous"]) == (NAME, outage.id, None)
    assert second.data["start_at"] == outage.start_at.isoformat()


async def test_an_observation_changes_the_state(watched: Watched) -> None:
    await watched.told()
    now = watched.clock.now()
    seen = Observation(NAME, "p", ResourceState.DEGRADED, "nodes are down", None, now, now + 2 * MINUTE)
    await watched.board.observe([seen])
    assert await watched.told() == [("active", "degraded")]
    await watched.board.observe([replace(seen, description="more nodes are down")])
    assert await watched.told() == []
    watched.clock.advance(2 * MINUTE)
    assert await watched.told() == [("degraded", "active")]


async def test_staff_change_cancel_and_remove_outages(watched: Watched) -> None:
    await watched.told()
    outage = await watched.announce()
    assert await watched.told() == [("", "Planned")]
    watched.clock.advance(MINUTE)
    moved = await watched.announce(id=outage.id, start_at=outage.start_at + HOUR, end_at=None)
    assert await watched.told() == [("Planned", "Planned")]
    assert await watched.told() == []
    watched.clock.advance(MINUTE)
    await watched.status.announce(replace(moved, status=OutageStatus.CANCELLED), OPERATOR)
    assert await watched.told() == [("Planned", "Cancelled")]
    other = await watched.announce()
    await watched.told()
    await watched.status.remove_outage(other.id, OPERATOR)
    assert await watched.told() == [("Planned", "Cancelled")]
    await watched.status.remove_outage(outage.id, OPERATOR)
    assert await watched.told() == []


async def test_what_was_over_before_anybody_looked_is_no_event(watched: Watched) -> None:
    now = watched.clock.now()
    await watched.announce(start_at=now - 2 * HOUR, end_at=now - HOUR)
    assert await watched.told() == [("", "active"), ("", "Completed")]
    assert await watched.events_told() == []


async def test_a_new_process_tells_nothing_twice_and_misses_nothing(watched: Watched) -> None:
    await watched.announce()
    await watched.told()
    watched.restart()
    assert await watched.told() == []
    watched.clock.advance(HOUR)
    watched.restart()
    assert await watched.told() == [("active", "unavailable"), ("Planned", "Active")]


async def test_what_was_purged_is_not_told_again(watched: Watched) -> None:
    await watched.announce()
    await watched.told()
    watched.clock.advance(100 * HOUR)
    await watched.told()
    before = len(await watched.events_told())
    await watched.status.purge(watched.clock.now())
    watched.restart()
    watched.clock.advance(HOUR)
    await watched.watch.look()
    assert len(await watched.events_told()) == before


async def test_what_could_not_be_remembered_is_told_later(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    await watched.told()
    monkeypatch.setattr("superfacility.services.status.watch._PERIOD", 0.01)
    record, away = watched.board.record, True

    async def fail(changes: Any) -> None:
        if away:
            raise Unavailable("The database does not answer.")
        await record(changes)

    monkeypatch.setattr(watched.board, "record", fail)
    await watched.status.change_resource(NAME, OPERATOR, state=ResourceState.DEGRADED)
    stop = asyncio.Event()
    running = asyncio.create_task(watched.watch.run(stop))
    with capture_logs() as logs:
        async with asyncio.timeout(20):
            while not logs:  # noqa: ASYNC110 - a poll, as clients do
                await asyncio.sleep(0.01)
            away = False
            while len(await watched.board.changes(NAME)) < 2:  # noqa: ASYNC110 - likewise
                await asyncio.sleep(0.01)
    stop.set()
    await running
    assert {kind for kind, _ in await watched.events_told()} == {EventKind.RESOURCE}


async def test_without_an_event_log_the_history_is_kept(watched: Watched) -> None:
    watch = StatusWatch(watched.status, watched.clock)
    await watch.look()
    await watched.status.change_resource(NAME, OPERATOR, state=ResourceState.DEGRADED)
    await watch.look()
    assert [each.state for each in await watched.board.changes(NAME)] == ["degraded", "active"]
