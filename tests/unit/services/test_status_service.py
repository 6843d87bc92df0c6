"""The view of the board: read once a change and minute, and served on while the board cannot be read."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound, Unavailable
from superfacility.facility.status import Note, Outage, Resource, ResourceName, ResourceState
from superfacility.services.status.service import StatusService
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory, MemoryStatusBoard

NAME = ResourceName("perlmutter")
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


class BreakableBoard(MemoryStatusBoard):
    """`away`: raises. `silent`: never answers. Counts its readings."""

    away = False
    silent = False
    version_known = True
    readings = 0

    def version(self) -> int:
        if self.away and not self.version_known:
            raise Unavailable("The database does not answer.")
        return super().version()

    async def resources(self):
        self.readings += 1
        if self.silent:
            await asyncio.Event().wait()
        if self.away:
            raise Unavailable("The database does not answer.")
        return await super().resources()


@dataclass
class Page:
    clock: FakeClock = field(default_factory=lambda: FakeClock(datetime(2026, 5, 31, 12, 0, tzinfo=UTC)))
    memory: Memory = field(default_factory=Memory)

    def __post_init__(self) -> None:
        self.board = BreakableBoard(self.memory, self.clock)
        self.status = StatusService(self.board, self.clock)

    async def state(self) -> ResourceState:
        return (await self.status.view()).resource(NAME).state

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(20):
            while not await condition():  # noqa: ASYNC110 - a poll, as clients do
                await asyncio.sleep(0.01)


@pytest.fixture
async def page() -> Page:
    page = Page()
    audit = AuditEntry(page.clock.now(), "operator:test", "test.fill", "everything")
    await page.board.save_resource(Resource(NAME, "Perlmutter", "compute"), audit, new=True)
    return page


async def test_the_board_is_read_once_a_change_and_minute(page: Page) -> None:
    first = await page.status.view()
    assert await page.status.view() is first
    assert page.status.current() is first
    page.clock.advance(MINUTE)
    assert page.status.current() is None
    assert await page.status.view() is not first
    assert page.board.readings == 2
    await page.status.change_resource(NAME, "operator:test", state=ResourceState.DEGRADED)
    assert page.status.current() is None
    assert await page.state() is ResourceState.DEGRADED


async def test_many_who_come_at_once_share_a_reading(page: Page) -> None:
    await asyncio.gather(*(page.status.view() for _ in range(100)))
    assert page.board.readings <= 2


@pytest.mark.parametrize("version_known", [True, False])
async def test_without_the_board_the_last_view_goes_on_with_the_clock(page: Page, version_known: bool) -> None:
    now = page.clock.now()
    await page.status.announce(Outage(0, NAME, now + HOUR, now + 2 * HOUR, "Maintenance"), "operator:test")
    assert await page.state() is ResourceState.ACTIVE
    page.board.away, page.board.version_known = True, version_known
    for hours, state in ((0, "active"), (1, "unavailable"), (1, "active")):
        page.clock.advance(hours * HOUR + MINUTE)
        view = await page.status.view()
        assert (view.stale, view.resource(NAME).state.value, view.read_at) == (True, state, now)
        assert await page.status.view() is view
        assert page.status.current() is None


async def test_a_board_that_is_back_is_read_again_after_a_pause(page: Page) -> None:
    await page.status.view()
    page.board.away = True
    page.clock.advance(MINUTE)
    assert (await page.status.view()).stale
    readings = page.board.readings
    page.board.away = False
    for _ in range(20):
        assert (await page.status.view()).stale
        await asyncio.sleep(0)
    assert page.board.readings == readings
    page.clock.advance(timedelta(seconds=5))

    async def fresh() -> bool:
        return not (await page.status.view()).stale

    await page.until(fresh)
    assert page.status.current() is not None


async def test_a_board_that_is_silent_holds_nobody_up_for_long(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superfacility.services.status.service._PATIENCE", 0.05)
    await page.status.view()
    page.board.silent = True
    page.clock.advance(MINUTE)
    async with asyncio.timeout(20):
        views = await asyncio.gather(*(page.status.view() for _ in range(50)))
    assert all(each.stale for each in views)


async def test_a_board_that_never_was_read_is_unavailable(page: Page) -> None:
    page.board.away = True
    with pytest.raises(Unavailable):
        await page.status.view()
    page.board.away = False
    assert await page.state() is ResourceState.ACTIVE


async def test_notes_and_outages_end_after_they_start(page: Page) -> None:
    now = page.clock.now()
    for start, end in ((now, now), (now, now - HOUR), (now.replace(tzinfo=None), None)):
        with pytest.raises(InvalidInput, match="outage"):
            await page.status.announce(Outage(0, NAME, start, end), "operator:test")
        with pytest.raises(InvalidInput, match="note"):
            await page.status.write_note(Note(0, NAME, "text", starts_at=start, ends_at=end), "operator:test")


async def test_the_history_of_what_is_not_there_is_not_found(page: Page) -> None:
    assert await page.status.history(NAME) == []
    with pytest.raises(NotFound):
        await page.status.history("nowhere")
