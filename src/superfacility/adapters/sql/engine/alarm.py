"""Waiting for what some process announces."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from superfacility.adapters.sql.engine.database import Database

LOOK_EVERY = 0.05
"""Seconds between two looks for what other processes announced, where nobody rings."""


class Alarm:
    """Wakes every coroutine that waits for changes of one kind."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._name = name
        self._rung = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._seen: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        database.listen(name, self._ring_from_thread)

    def ring(self) -> None:
        """After a change of this process: nobody need wait for the announcement to come around."""
        self._rung.set()

    def _ring_from_thread(self) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, timeout: float) -> None:
        """Until something was announced since this asyncio task last returned from here (the first time: at once)."""
        me = asyncio.current_task()
        assert me is not None, "called from a coroutine"
        self._loop = loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while (value := self._database.announced(self._name)) == self._seen.get(me):
            if (left := deadline - loop.time()) <= 0:
                break
            self._rung.clear()
            try:
                async with asyncio.timeout(min(left, LOOK_EVERY)):
                    await self._rung.wait()
            except TimeoutError:
                continue
        self._seen[me] = value
