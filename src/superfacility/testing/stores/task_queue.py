"""The queue and the lease in memory."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import accumulate
from typing import Any
from weakref import WeakKeyDictionary

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import LISTED_BYTES, Lease, Taker
from superfacility.tasks.quota import NO_QUOTA, TaskQuota
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId
from superfacility.testing.stores.memory import KeptTask, Memory


class MemoryLease:
    """`Lease` of workers in one process; `kill` ends one as if its process had died."""

    def __init__(self) -> None:
        self._held: set[WorkerId] = set()

    def hold(self, worker: WorkerId) -> None:
        self._held.add(worker)

    def release(self, worker: WorkerId) -> None:
        self._held.discard(worker)

    def alive(self, worker: WorkerId) -> bool:
        return worker in self._held

    kill = release


class MemoryTaskQueue:
    """`TaskQueue` in memory."""

    def __init__(self, memory: Memory, lease: Lease, clock: Clock, quota: TaskQuota = NO_QUOTA) -> None:
        self._memory = memory
        self._lease = lease
        self._clock = clock
        self._quota = quota
        self._takers: list[Taker] = []
        self._changes = 0
        self._changed = asyncio.Event()
        self._seen: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()

    async def accept(self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None = None) -> Task:
        if idempotency is not None and (earlier := self._earlier(idempotency)) is not None:
            return earlier
        self._quota.check(new, sum(task.owner == new.owner and not task.status.terminal for task in self._all()))
        if new.reference is not None and await self.by_reference(new.handler, new.reference) is not None:
            raise Conflict(f"There is a task of {new.handler} with the reference {new.reference}.")
        task = new.as_task(TaskId(str(self._memory.next_number("task"))))
        kept = self._memory.tasks[task.id] = KeptTask(task, due_at=new.created_at)
        self._memory.audit.append(audit)
        if idempotency is not None:
            self._memory.idempotency[scope_of(idempotency)] = (idempotency.fingerprint, task.id)
        taker = next((each for each in self._takers if each.reserve(new)), None)
        if taker is None:
            self._announce()
        else:
            kept.claimed_by, kept.task = taker.id, replace(task, attempts=1)
            taker.begin(new.owner, kept.task)
        return kept.task

    async def accepted(self, idempotency: IdempotencyKey) -> Task | None:
        return self._earlier(idempotency)

    def attend(self, taker: Taker) -> None:
        self._takers.append(taker)

    def _earlier(self, idempotency: IdempotencyKey) -> Task | None:
        if scope_of(idempotency) not in self._memory.idempotency:
            return None
        fingerprint, task_id = self._memory.idempotency[scope_of(idempotency)]
        idempotency.check(fingerprint)
        return self._memory.tasks[task_id].task

    async def task(self, task_id: TaskId) -> Task | None:
        kept = self._memory.tasks.get(task_id)
        return None if kept is None else kept.task

    async def by_reference(self, handler: str, reference: str) -> Task | None:
        found = [task for task in self._all() if (task.handler, task.reference) == (handler, reference)]
        return found[0] if found else None

    async def tasks(self, owner: UserName, *, handler: str | None = None, limit: int = 1000) -> Sequence[Task]:
        found = [each for each in reversed(self._all()) if each.owner == owner and handler in (None, each.handler)]
        sizes = accumulate(len(json.dumps([each.intent, each.result])) for each in found[:limit])
        return found[: max(1, sum(size <= LISTED_BYTES for size in sizes))]

    def _all(self) -> list[Task]:
        return [kept.task for kept in self._memory.tasks.values()]

    async def claim(
        self, worker: WorkerId, handlers: Sequence[str], limit: int, *, share: int | None = None
    ) -> Sequence[Task]:
        now = self._clock.now()
        due = [
            kept for kept in self._memory.tasks.values() if kept.task.handler in handlers and self._is_due(kept, now)
        ]
        held = Counter(
            kept.task.owner
            for kept in self._memory.tasks.values()
            if kept.claimed_by == worker and not kept.task.status.terminal
        )
        allowed = [kept for turn, kept in _in_turns(due) if share is None or held[kept.task.owner] + turn <= share]
        chosen = sorted(allowed[:limit], key=lambda kept: int(kept.task.id))
        for kept in chosen:
            interrupted = kept.task.interrupted or kept.claimed_by is not None
            kept.task = replace(
                kept.task, attempts=kept.task.attempts + 1, interrupted=interrupted, updated_at=self._clock.now()
            )
            kept.claimed_by = worker
        return [kept.task for kept in chosen]

    def _is_due(self, kept: KeptTask, now: datetime) -> bool:
        if kept.task.status.terminal:
            return False
        return kept.due_at <= now if kept.claimed_by is None else not self._lease.alive(kept.claimed_by)

    async def report(self, worker: WorkerId, task_id: TaskId, partial: Mapping[str, Any]) -> None:
        self._change_claimed(worker, task_id, result=partial)

    async def finish(self, worker: WorkerId, task_id: TaskId, status: TaskStatus, result: Mapping[str, Any]) -> bool:
        return self._change_claimed(worker, task_id, status=status, result=result)

    async def hand_back(
        self, worker: WorkerId, task_id: TaskId, delay: timedelta = timedelta(), *, untouched: bool = False
    ) -> None:
        kept = self._memory.tasks.get(task_id)
        if kept is None or not self._change_claimed(worker, task_id):
            return
        kept.claimed_by = None
        task = kept.task
        kept.due_at = self._clock.now() + (timedelta() if task.cancel_requested else delay)
        kept.task = replace(task, attempts=task.attempts - 1) if untouched else replace(task, interrupted=False)
        self._announce()

    def _change_claimed(self, worker: WorkerId, task_id: TaskId, **changes: Any) -> bool:
        kept = self._memory.tasks.get(task_id)
        if kept is None or kept.claimed_by != worker or kept.task.status.terminal:
            return False
        kept.task = replace(kept.task, updated_at=self._clock.now(), **changes)
        return True

    async def request_cancel(self, task_id: TaskId, audit: AuditEntry) -> Task:
        kept = self._memory.tasks.get(task_id)
        if kept is None:
            raise NotFound(f"There is no task {task_id}.")
        self._memory.audit.append(audit)
        if not kept.task.status.terminal:
            now = self._clock.now()
            kept.task = replace(kept.task, cancel_requested=True, updated_at=now)
            kept.due_at = now
            if not kept.task.started:
                result = {"status": "error", "error": "Cancelled before it started."}
                kept.task = replace(kept.task, status=TaskStatus.CANCELLED, result=result)
            self._announce()
        return kept.task

    async def cancellations(self, worker: WorkerId) -> Sequence[TaskId]:
        return [
            kept.task.id
            for kept in self._memory.tasks.values()
            if kept.claimed_by == worker and kept.task.cancel_requested and not kept.task.status.terminal
        ]

    async def wait(self, timeout: float) -> None:
        me = asyncio.current_task()
        assert me is not None, "called from a coroutine"
        if self._seen.get(me) == self._changes:
            self._changed.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._changed.wait()
            except TimeoutError:
                pass
        self._seen[me] = self._changes

    async def purge(self, before: datetime) -> int:
        old = [task.id for task in self._all() if task.status.terminal and task.updated_at < before]
        for task_id in old:
            del self._memory.tasks[task_id]
        for key in [key for key, (_, task_id) in self._memory.idempotency.items() if task_id in old]:
            del self._memory.idempotency[key]
        return len(old)

    def _announce(self) -> None:
        self._changes += 1
        self._changed.set()


def scope_of(idempotency: IdempotencyKey) -> tuple[str, str, str, str]:
    return (idempotency.client_id, idempotency.method, idempotency.path, idempotency.key)


def _in_turns(due: Sequence[KeptTask]) -> list[tuple[int, KeptTask]]:
    """Oldest first, but one of each owner before a second one of any; each with its place among its owner's."""
    turns: dict[UserName, int] = {}
    ranked = []
    for kept in due:
        turn = turns[kept.task.owner] = turns.get(kept.task.owner, 0) + 1
        ranked.append((turn, int(kept.task.id), kept))
    return [(turn, kept) for turn, _, kept in sorted(ranked, key=lambda entry: entry[:2])]
