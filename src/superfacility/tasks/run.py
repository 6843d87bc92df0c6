"""One handler at work on one claimed task."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler
from superfacility.tasks.task import Task, WorkerId

log = structlog.get_logger(__name__)
REPORT_EVERY = 1.0
"""Seconds between two partial results of one task in the queue."""


class Run:
    """The handler's `TaskContext`, and the switches to cancel it.

    `cancelled` means that the owner asked, `stopping` that the worker ends. `partial` is the latest partial result.
    """

    def __init__(self, task: Task, handler: Handler, queue: TaskQueue, worker: WorkerId, clock: Clock) -> None:
        self._task = task
        self.handler = handler
        self._queue = queue
        self._worker = worker
        self._clock = clock
        self.partial: Mapping[str, Any] | None = task.result
        self.cancelled = False
        self.stopping = False
        self.recorder: asyncio.Task[None] | None = None
        self.work: asyncio.Task[Mapping[str, Any]] | None = None
        self._reported_at: float | None = None
        self._unwritten = False
        self._later: asyncio.Task[None] | None = None

    @property
    def task(self) -> Task:
        return self._task

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @property
    def age(self) -> timedelta:
        """Since the task was accepted."""
        return self.now - self._task.created_at

    async def execute(self) -> None:
        """Run the handler to its end, whatever that is; `work` then holds it."""
        self.cancelled = self.cancelled or self.task.cancel_requested
        self.work = asyncio.create_task(_as_coroutine(self.handler, self))
        if self.cancelled:
            if self.task.attempts > 1:  # it began under another claim: let it reach the place where it can clean up
                await asyncio.sleep(0)
            self.work.cancel()
        await asyncio.wait({self.work})
        if self._later is not None:
            self._later.cancel()
            await asyncio.gather(self._later, return_exceptions=True)

    @property
    def disturbed(self) -> bool:
        return self.cancelled or self.stopping

    def cancel(self) -> None:
        """Once: a handler that is cleaning up is not disturbed again."""
        if not self.disturbed:
            self.cancelled = True
            self._interrupt()

    def stop(self) -> None:
        if not self.disturbed:
            self.stopping = True
            self._interrupt()

    def _interrupt(self) -> None:
        if self.work is not None:
            self.work.cancel()

    def abandon(self) -> None:
        """Leave a handler that does not end; its claim stays until the process ends."""
        if self.recorder is not None:
            self.recorder.cancel()

    async def report(self, partial: Mapping[str, Any]) -> None:
        self.partial = partial
        self._unwritten = True
        if self._later is not None and not self._later.done():
            return
        due_in = 0.0 if self._reported_at is None else self._reported_at + REPORT_EVERY - self._clock.monotonic()
        if due_in <= 0:
            await self.flush()
        else:
            self._later = asyncio.create_task(self._flush_after(due_in))

    async def _flush_after(self, delay: float) -> None:
        await asyncio.sleep(delay)
        await self.flush()

    async def tell(self, partial: Mapping[str, Any] | None) -> None:
        """Write a last partial result before the claim is given back, or the latest that is not written yet."""
        if partial is not None and partial != self.partial:
            self.partial, self._unwritten = partial, True
        await self.flush()

    async def flush(self) -> None:
        """Write the latest partial result if it is not there yet. A queue that does not answer costs no handler its
        work: the next report carries everything."""
        if not self._unwritten or self.partial is None:
            return
        self._reported_at = self._clock.monotonic()
        self._unwritten = False
        try:
            await self._queue.report(self._worker, self.task.id, self.partial)
        except FacilityError as problem:
            self._unwritten = True
            log.warning("a partial result cannot be stored", task=self.task.id, error=str(problem))


async def _as_coroutine(handler: Handler, run: Run) -> Mapping[str, Any]:
    """Any awaitable will do as a handler, a task needs a coroutine; what it raises on being called counts as well."""
    return await handler.run(run)
