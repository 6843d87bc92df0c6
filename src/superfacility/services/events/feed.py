"""The log of events, followed once in each process for all who listen there."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import count, islice
from typing import Protocol

import structlog

from superfacility.facility.errors import FacilityError, Unavailable
from superfacility.facility.events import Event, EventLog

BEAT = 15
"""Seconds between two beats of a listener; each second takes its share of them."""
RECENT = 2000
"""Events kept in memory, so that listeners who were away for a moment need not be looked up for."""
_PAGE = 200
_BEATS_AT_ONCE = 200
_PAUSE_AFTER_FAULT = 0.5

log = structlog.get_logger(__name__)


class Listener(Protocol):
    """Who wants to hear. Nothing here may wait, but for `ready` and `beat`."""

    def deliver(self, event: Event) -> None:
        """Take it, or not: what is wanted is the listener's business."""

    def reset(self, position: int) -> None:
        """Events are missing before `position`."""

    async def ready(self) -> None:
        """Until there is room for more."""

    async def beat(self, position: int) -> None:
        """Every so often, and soon after rights have changed; everything up to `position` has been delivered."""

    def end(self) -> None:
        """No more will come."""


class Feed:
    """`run` must run for anybody to hear. A listener hears every event after the one that it names, once, in order.

    `rights` grows with every change of what anybody may do; all listeners beat within a second of it.
    """

    def __init__(
        self, events: EventLog, *, beat: float = BEAT, rights: Callable[[], Awaitable[int]] | None = None
    ) -> None:
        self._events = events
        self._rights = rights
        self._rights_seen = 0
        self._second = beat / BEAT
        self._position = 0
        self._recent: deque[Event] = deque(maxlen=RECENT)
        self._listeners: dict[Listener, int] = {}
        self._places = count()
        self._running = False

    @property
    def position(self) -> int:
        """The last event that all listeners were offered."""
        return self._position

    @property
    def listeners(self) -> int:
        return len(self._listeners)

    async def run(self, stop: asyncio.Event) -> None:
        """Follow the log until `stop`, then end all listeners."""
        await self._begin()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow(stop))
                group.create_task(self._beat(stop))
        finally:
            self._running = False
            for listener in tuple(self._listeners):
                self.leave(listener)
                listener.end()

    async def join(self, listener: Listener, after: int | None) -> None:
        """From the event `after` on (None: from now on), until `leave`."""
        if not self._running:
            raise Unavailable("This server does not follow events now: try again in a moment.")
        if after is not None and not await self._reaches(after):
            listener.reset(self._position)
            after = None
        if after is not None:
            await self._catch_up(listener, after)
        self._listeners[listener] = next(self._places) % BEAT

    def leave(self, listener: Listener) -> None:
        self._listeners.pop(listener, None)

    async def _begin(self) -> None:
        """Where the log ends now; listeners of the server before this one come back with ids of a moment ago."""
        if self._running or self._position:
            self._running = True
            return
        last = await self._events.last_id()
        while page := await self._events.after(max(last - RECENT, self._position), limit=_PAGE):
            self._recent.extend(page)
            self._position = page[-1].id
        self._position = max(self._position, last)
        self._running = True

    async def _follow(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                page = await self._events.after(self._position, limit=_PAGE)
                if not page:
                    await self._events.wait(self._second)
            except FacilityError as problem:
                log.warning("events not read", problem=str(problem))
                await _pause(stop, _PAUSE_AFTER_FAULT)
                continue
            for event in page:
                self._offer(event)
                await asyncio.sleep(0)

    def _offer(self, event: Event) -> None:
        self._recent.append(event)
        self._position = event.id
        for listener in tuple(self._listeners):
            listener.deliver(event)

    async def _beat(self, stop: asyncio.Event) -> None:
        for second in count():
            if await _pause(stop, self._second):
                return
            changed = await self._rights_changed()
            due = [each for each, place in self._listeners.items() if changed or place == second % BEAT]
            for at in range(0, len(due), _BEATS_AT_ONCE):
                await asyncio.gather(*(each.beat(self._position) for each in due[at : at + _BEATS_AT_ONCE]))

    async def _rights_changed(self) -> bool:
        if self._rights is None or not self._listeners:
            return False
        try:
            found = await self._rights()
        except FacilityError as problem:  # the next second looks again
            log.warning("rights not read", problem=str(problem))
            return False
        changed, self._rights_seen = found != self._rights_seen, found
        return changed

    async def _reaches(self, after: int) -> bool:
        """Whether everything after that id is still there."""
        if after == self._position or (self._recent and self._recent[0].id - 1 <= after <= self._position):
            return True
        if after > self._position:  # of another process that is ahead by a moment, or of another log
            return after <= await self._events.last_id()
        first = await self._events.first_id()
        return 0 < first <= after + 1

    async def _catch_up(self, listener: Listener, after: int) -> None:
        """Returns in the turn of the event loop in which the listener has everything up to `position`."""
        while after < self._position:
            page: Sequence[Event]
            if self._recent and self._recent[0].id - 1 <= after:
                page = list(islice((event for event in self._recent if event.id > after), _PAGE))
            else:
                page = await self._events.after(after, limit=_PAGE)
            if not page:
                return
            for event in page:
                listener.deliver(event)
            after = page[-1].id
            if after < self._position:
                await listener.ready()


async def _pause(stop: asyncio.Event, seconds: float) -> bool:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
    return stop.is_set()
