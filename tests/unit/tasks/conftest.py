"""A worker over the queue in memory, with a clock that only the tests move."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.tasks import worker as worker_module
from superfacility.tasks.registry import Handler, HandlerKind, Registry
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId
from superfacility.tasks.worker import Worker
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory, MemoryLease, MemoryTaskQueue


class Shop:
    """One queue, and workers on it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.lease = MemoryLease()
        self.memory = Memory()
        self.queue = MemoryTaskQueue(self.memory, self.lease, self.clock)
        self.stop = asyncio.Event()
        self.workers: list[asyncio.Task[None]] = []

    async def accept(self, handler: str = "h", owner: str = "alice") -> TaskId:
        new = NewTask(UserName(owner), handler, {}, self.clock.now(), "red")
        return (await self.queue.accept(new, self.audit())).id

    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "alice", "test", "test")

    async def left_by_the_dead(self, handler: str = "h", *, attempts: int = 1, result: Any = None) -> TaskId:
        """A task whose claims all died."""
        task_id = await self.accept(handler)
        for number in range(attempts):
            dead = WorkerId(f"dead{number}")
            self.lease.hold(dead)
            assert await self.queue.claim(dead, [handler], 1)
            if result is not None:
                await self.queue.report(dead, task_id, result)
            self.lease.kill(dead)
        return task_id

    def work(self, *handlers: Handler, **options: Any) -> Worker:
        """Start a worker."""
        worker = Worker(self.queue, Registry(handlers), self.lease, self.clock, **{"poll": 0.01, **options})
        self.workers.append(asyncio.create_task(worker.run(self.stop)))
        return worker

    async def end(self) -> None:
        self.stop.set()
        async with asyncio.timeout(20):
            await asyncio.gather(*self.workers)

    async def task(self, task_id: TaskId) -> Task:
        task = await self.queue.task(task_id)
        assert task is not None
        return task

    async def ended(self, task_id: TaskId, *, skip: timedelta = timedelta()) -> Task:
        """Once it is terminal; meanwhile the clock runs in steps of `skip`."""
        async with asyncio.timeout(20):
            while not (task := await self.task(task_id)).status.terminal:
                await asyncio.sleep(0.005)
                self.clock.advance(skip)
        return task

    async def completed(self, task_id: TaskId) -> Mapping[str, Any]:
        task = await self.ended(task_id)
        assert task.status is TaskStatus.COMPLETED, task.result
        assert task.result is not None
        return task.result

    async def until(self, condition: Callable[[], Any]) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 (the condition has no event)
                await asyncio.sleep(0.002)


@pytest.fixture
async def shop(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    monkeypatch.setattr(worker_module, "RETRY_PAUSE", 0.01)
    monkeypatch.setattr(worker_module, "LAST_WORDS", 0.1)
    shop = Shop()
    yield shop
    await shop.end()


@pytest.fixture(params=[HandlerKind.REPEATABLE, HandlerKind.RECONCILED], ids=lambda kind: kind.name.lower())
def rerun_kind(request: pytest.FixtureRequest) -> HandlerKind:
    """The two kinds that run again after a crash."""
    kind: HandlerKind = request.param
    return kind
