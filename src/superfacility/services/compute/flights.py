"""Single flight: however many ask at once, one question is on its way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Answer = TypeVar("Answer")


class SingleFlight(Generic[Answer]):
    """Shares one running call of `ask` between its callers; a caller that gives up does not stop it for the others.
    Before a call that somebody wants fresh, `rest` is waited for: those who come meanwhile share it too."""

    def __init__(
        self, ask: Callable[[], Awaitable[Answer]], rest: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self._ask = ask
        self._rest = rest
        self._running: asyncio.Task[Answer] | None = None
        self._next: asyncio.Task[Answer] | None = None

    async def join(self) -> Answer:
        """The call that is running, or a new one: good enough for who accepts an answer of a moment ago."""
        return await asyncio.shield(self._running or self._start())

    async def fresh(self) -> Answer:
        """A call that begins after this request arrived, shared by all who came while the last one ran."""
        if self._running is None and self._rest is None:
            return await asyncio.shield(self._start())
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running))
            self._next.add_done_callback(_seen)
        return await asyncio.shield(self._next)

    @property
    def idle(self) -> bool:
        return self._running is None and self._next is None

    def _start(self) -> asyncio.Task[Answer]:
        task = asyncio.create_task(self._run())
        task.add_done_callback(_seen)
        self._running = task
        return task

    async def _run(self) -> Answer:
        try:
            return await self._ask()
        finally:
            self._running = None

    async def _after(self, running: asyncio.Task[Answer] | None) -> Answer:
        if running is not None:
            await asyncio.wait({running})
        if self._rest is not None:
            await self._rest()
        self._next = None
        return await asyncio.shield(self._running or self._start())


def _seen(task: "asyncio.Task[Answer]") -> None:
    """An error that nobody waited for any more is not worth a warning of the event loop."""
    if not task.cancelled():
        task.exception()
