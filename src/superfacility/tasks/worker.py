"""The worker: claims tasks, runs their handlers side by side, records how each ended.

A handler that hangs holds one place and nothing else. What a crash leaves is found by the next claim (of any worker),
because the claim's holder is dead; what that means is each handler's kind.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import structlog

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import FacilityError
from superfacility.facility.people import UserName
from superfacility.tasks.outcome import Finish, HandBack, Outcome, judge, verdict_before_start
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.tasks.registry import HandlerKind, Registry
from superfacility.tasks.run import Run
from superfacility.tasks.task import NewTask, Task, TaskStatus, WorkerId

log = structlog.get_logger(__name__)
POLL = 0.5
"""Seconds after which a worker looks for due tasks and dead workers although nothing woke it."""
GRACE = 10.0
"""Seconds that at-most-once handlers get to finish when the worker stops."""
LAST_WORDS = 5.0
"""Seconds that cancelled handlers get to clean up when the worker stops."""
RETRY_PAUSE = 1.0
"""Seconds between attempts to reach a queue that does not answer."""
INTERNAL_ERROR = {
    "status": "error",
    "error": "The service could not store what this task returned. Tell staff: the log has the details.",
}


class Worker:
    """Runs up to `concurrency` tasks at a time until it is told to stop, at most half of them of one owner.

    What is accepted while it has a place and is not behind begins at once (`Taker`); all else it claims.
    """

    def __init__(
        self,
        queue: TaskQueue,
        registry: Registry,
        lease: Lease,
        clock: Clock,
        *,
        concurrency: int = 8,
        worker_id: WorkerId | None = None,
        grace: float = GRACE,
        poll: float = POLL,
    ) -> None:
        self.id = worker_id or WorkerId(new_uuid().hex)
        self._queue = queue
        self._registry = registry
        self._lease = lease
        self._clock = clock
        self._concurrency = concurrency
        self._share = -(-concurrency // 2)
        self._grace = grace
        self._poll = poll
        self._running: set[Run] = set()
        self._reserved: Counter[UserName] = Counter()
        self._behind = True
        """Something may wait in the queue: whoever comes now waits behind it."""
        self._stopping = False
        self._wake = asyncio.Event()
        self._begun = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then claim nothing more, and hand back or end what runs."""
        self._stopping = False
        self._lease.hold(self.id)
        watchers = [asyncio.create_task(self._watch_queue()), asyncio.create_task(self._watch_stop(stop))]
        try:
            while not stop.is_set():
                self._wake.clear()
                await self._survive(self._turn())
                await self._wake.wait()
        finally:
            self._stopping = self._behind = True
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            await self._wind_down()

    async def _turn(self) -> None:
        self._behind = True
        free = self._concurrency - len(self._running) - self._reserved.total()
        if free > 0:
            claimed = await self._queue.claim(self.id, self._registry.names(), free, share=self._share)
            for task in claimed:
                self._start(task)
            self._behind = (
                self._stopping or len(claimed) == free or max(self._held().values(), default=0) >= self._share
            )
        if self._running:
            requested = set(await self._queue.cancellations(self.id))
            for run in self._running:
                if run.task.id in requested:
                    run.cancel()

    def _held(self) -> Counter[UserName]:
        return self._reserved + Counter(run.task.owner for run in self._running)

    def reserve(self, new: NewTask) -> bool:
        if not self._behind:
            held = self._held()
            self._behind = held.total() >= self._concurrency or held[new.owner] >= self._share
        if self._behind or new.handler not in self._registry.names():
            return False
        self._reserved[new.owner] += 1
        return True

    def begin(self, owner: UserName, task: Task | None) -> None:
        self._reserved[owner] -= 1
        self._begun.set()
        if task is not None:
            self._start(task)
        elif self._behind:
            self._wake.set()

    async def _watch_queue(self) -> None:
        while True:
            await self._survive(self._queue.wait(self._poll))
            self._wake.set()

    async def _watch_stop(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._wake.set()

    async def _survive(self, step: Coroutine[Any, Any, None]) -> None:
        """No failure of the queue may end the worker: it is tried again after a pause."""
        try:
            await step
        except FacilityError as problem:
            log.warning("the task queue does not answer", worker=self.id, error=str(problem))
            await asyncio.sleep(RETRY_PAUSE)
        except Exception:  # a defect in one turn must not stop all tasks of this process for good
            log.exception("a turn of the worker failed", worker=self.id)
            await asyncio.sleep(RETRY_PAUSE)

    def _start(self, task: Task) -> None:
        run = Run(task, self._registry[task.handler], self._queue, self.id, self._clock)
        self._running.add(run)
        run.recorder = asyncio.create_task(self._carry_out(run))
        run.recorder.add_done_callback(lambda _: self._forget(run))
        if self._stopping:
            run.stop()

    def _forget(self, run: Run) -> None:
        self._running.discard(run)
        if self._behind:
            self._wake.set()

    async def _carry_out(self, run: Run) -> None:
        outcome = HandBack(untouched=True) if run.stopping else verdict_before_start(run.task, run.handler)
        if outcome is None:
            await run.execute()
            outcome = judge(run)
            if isinstance(outcome, HandBack):
                await run.tell(outcome.partial)
        await self._record(run.task, outcome)

    async def _record(self, task: Task, outcome: Outcome) -> None:
        """As often as it takes: the work is done, and nobody else can tell."""
        while True:
            try:
                return await self._record_once(task, outcome)
            except FacilityError as problem:
                log.warning("an outcome cannot be stored yet", task=task.id, error=str(problem))
                await asyncio.sleep(RETRY_PAUSE)
            except Exception:  # for instance a result that is not JSON
                log.exception("an outcome cannot be stored", task=task.id, handler=task.handler)
                if isinstance(outcome, Finish) and outcome.result is INTERNAL_ERROR:
                    return None
                outcome = Finish(TaskStatus.FAILED, INTERNAL_ERROR)

    async def _record_once(self, task: Task, outcome: Outcome) -> None:
        if isinstance(outcome, HandBack):
            await self._queue.hand_back(self.id, task.id, outcome.delay, untouched=outcome.untouched)
        elif not await self._queue.finish(self.id, task.id, outcome.status, outcome.result):
            log.warning("a task was no longer this worker's", task=task.id, handler=task.handler)

    async def _wind_down(self) -> None:
        await self._await_reserved()
        for run in self._running:
            if run.handler.kind is not HandlerKind.AT_MOST_ONCE:
                run.stop()
        await self._settle(self._grace)
        for run in self._running:
            run.stop()
        await self._settle(LAST_WORDS)
        if not self._running and not self._reserved.total():
            self._lease.release(self.id)
            return
        # The lease stays held: it ends with the process, and only then may another worker take these over.
        for run in list(self._running):
            log.error("a handler does not end", task=run.task.id, handler=run.task.handler)
            run.abandon()

    async def _await_reserved(self) -> None:
        """What is being accepted for this worker: it is handed back untouched."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS):
                while self._reserved.total():
                    self._begun.clear()
                    await self._begun.wait()

    async def _settle(self, timeout: float) -> None:
        recorders = [run.recorder for run in self._running if run.recorder is not None]
        if recorders:
            await asyncio.wait(recorders, timeout=timeout)
