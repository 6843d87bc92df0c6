"""What one process of an installation does for all of them, on whatever host it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from superfacility.facility.locks import Locks

LOCK = "background"
_LOOK_SECONDS = 2.0
_PAUSE_AFTER_FAULT = 10.0
_log = structlog.get_logger(__name__)

Loop = Callable[[asyncio.Event], Awaitable[None]]


class Background:
    """Runs its loops while this process holds the lock; the others wait until that one ends or loses it."""

    def __init__(self, locks: Locks, loops: Mapping[str, Loop]) -> None:
        self._locks = locks
        self._loops = loops

    async def run(self, stop: asyncio.Event) -> None:
        await keep_running("background", self._take_turns, stop)

    async def _take_turns(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            if await self._locks.try_acquire(LOCK):
                try:
                    await self._lead(stop)
                finally:
                    await self._locks.release(LOCK)
            await stopped(stop, _LOOK_SECONDS)

    async def _lead(self, stop: asyncio.Event) -> None:
        over = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for name, loop in self._loops.items():
                group.create_task(keep_running(name, loop, over))
            while not stop.is_set() and await self._locks.held(LOCK):
                await stopped(stop, _LOOK_SECONDS)
            over.set()


async def keep_running(name: str, loop: Loop, stop: asyncio.Event) -> None:
    """A fault in the background is told and tried again: it must not take the API down, whatever it is."""
    while not stop.is_set():
        try:
            await loop(stop)
        except Exception:
            _log.exception("background loop failed", loop=name)
            await stopped(stop, _PAUSE_AFTER_FAULT)


async def stopped(stop: asyncio.Event, seconds: float) -> bool:
    """Wait that long, or until `stop` is set: whether it is."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
