"""One reading for everybody who asked before it began."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class SharedReading(Generic[Value]):
    """However many ask, at most one reading is under way and one waits; nobody is given one that began before he asked.

    A request may thus be told nothing older than itself, and a thousand of them cost as much as one.
    """

    def __init__(self, read: Callable[[], Awaitable[Value]]) -> None:
        self._read = read
        self._current: asyncio.Future[Value] | None = None
        self._next: asyncio.Future[Value] | None = None

    async def fresh(self) -> Value:
        if self._next is None:
            self._next = asyncio.ensure_future(self._after(self._current))
        return await asyncio.shield(self._next)

    async def _after(self, current: asyncio.Future[Value] | None) -> Value:
        if current is not None and not current.done():
            await asyncio.wait([current])
        self._current, self._next = self._next, None
        return await self._read()
