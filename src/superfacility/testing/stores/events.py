"""The log of events in memory."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from superfacility.facility.events import Event, NewEvent
from superfacility.testing.stores.memory import Memory

_POLL = 0.01


class MemoryEventLog:
    """`EventLog` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._seen = 0

    async def append(self, events: Sequence[NewEvent]) -> None:
        append_events(self._memory, events)

    async def after(self, event_id: int, *, limit: int = 1000) -> Sequence[Event]:
        return [event for event in self._memory.events if event.id > event_id][:limit]

    async def last_id(self) -> int:
        return self._memory.last_numbers.get("event", 0)

    async def first_id(self) -> int:
        return self._memory.events[0].id if self._memory.events else 0

    async def wait(self, timeout: float) -> None:
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        while (last := await self.last_id()) == self._seen:
            if loop.time() >= end:
                break
            await asyncio.sleep(min(_POLL, timeout))
        self._seen = last

    async def purge(self, before: datetime) -> int:
        kept = [event for event in self._memory.events if event.what.at >= before]
        dropped = len(self._memory.events) - len(kept)
        self._memory.events[:] = kept
        return dropped


def append_events(memory: Memory, events: Sequence[NewEvent]) -> None:
    """As a part of somebody's change."""
    memory.events.extend(Event(memory.next_number("event"), each) for each in events)
