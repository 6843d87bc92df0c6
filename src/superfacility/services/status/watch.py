"""Remembers every change of the status page, and tells it to whoever listens."""

import asyncio

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.events import EventLog
from superfacility.services.status.history import news
from superfacility.services.status.service import StatusService
from superfacility.services.status.view import StatusView

_PERIOD = 1.0
_log = structlog.get_logger(__name__)


class StatusWatch:
    """One process an installation runs it, so that each change is remembered once.

    It sees every change that lasts a second, whoever made it: staff, a probe, or the clock. Events are appended before
    the history, so that a crash between the two tells of a change twice rather than never.
    """

    def __init__(self, status: StatusService, clock: Clock, events: EventLog | None = None) -> None:
        self._status = status
        self._clock = clock
        self._events = events
        self._seen: StatusView | None = None

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await self.look()
            except FacilityError as problem:
                _log.warning("status cannot be watched", problem=str(problem))
            try:
                await asyncio.wait_for(stop.wait(), _PERIOD)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Once. While the board cannot be read, nothing can be remembered either."""
        view = await self._status.view()
        if view is self._seen or view.stale:
            return
        found = news(view, await self._status.board.last_changes(), self._clock.now())
        events = [each.event for each in found if each.event is not None]
        if events and self._events is not None:
            await self._events.append(events)
        if found:
            await self._status.board.record([each.change for each in found])
        self._seen = view
