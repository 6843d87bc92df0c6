"""The durable queue."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import ColumnElement, Connection, Delete, and_, bindparam, delete, exists, select, true, update

from superfacility.adapters.sql.audit import add_entry
from superfacility.adapters.sql.connections import PreparedRead
from superfacility.adapters.sql.counters import Remembered, WatchedCounter, raise_counter
from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.tables import open_task, tasks
from superfacility.adapters.sql.task_changes import (
    CANCELLED_UNSTARTED,
    CHANGED,
    Places,
    add_task,
    claim_rows,
    due_condition,
    earlier,
    keep_key,
    newest,
    task_of,
    undo_claim,
)
from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound, Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.queue import IdempotencyKey, Lease
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId

LOOK_EVERY = 0.05
"""Seconds between two looks for what other processes committed."""
PURGE_AT_ONCE = 500
"""Tasks deleted in one transaction, so that others need not wait long."""
_LARGEST_ID = 2**63 - 1
_BY_ID = PreparedRead(select(tasks).where(tasks.c.id == bindparam("id")))


class SqlTaskQueue:
    """`TaskQueue` over the database; whose claims are void, the lease tells."""

    def __init__(self, database: Database, lease: Lease, clock: Clock) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock
        self._changes = WatchedCounter(database, CHANGED)
        self._glances = Remembered(database)
        self._changed_here = asyncio.Event()
        self._doubtful_claims: dict[WorkerId, datetime] = {}
        self._seen: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()

    async def accept(self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None = None) -> Task:
        def change(connection: Connection) -> Task:
            if idempotency is not None and (task := earlier(connection, idempotency)) is not None:
                return task
            task = add_task(connection, new)
            add_entry(connection, audit)
            if idempotency is not None:
                keep_key(connection, idempotency, task)
            return task

        task = await self._database.write(change)
        self._changed_here.set()
        return task

    async def task(self, task_id: TaskId) -> Task | None:
        if not _is_id(task_id):
            return None
        found: Task | None = self._glances.get(task_id)
        if found is None and (row := self._database.glance(_BY_ID, {"id": int(task_id)})) is not None:
            found = task_of(row)
            self._glances.keep(task_id, found)
        return found

    async def by_reference(self, handler: str, reference: str) -> Task | None:
        found = await self._select(and_(tasks.c.handler == handler, tasks.c.reference == reference))
        return found[0] if found else None

    async def tasks(self, owner: UserName, *, handler: str | None = None, limit: int = 1000) -> Sequence[Task]:
        mine = and_(tasks.c.owner == owner, true() if handler is None else tasks.c.handler == handler)
        return await self._database.read(lambda connection: newest(connection, mine, limit))

    async def _select(self, condition: ColumnElement[bool]) -> list[Task]:
        query = select(tasks).where(condition).order_by(tasks.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [task_of(row) for row in rows]

    async def claim(
        self, worker: WorkerId, handlers: Sequence[str], limit: int, *, share: int | None = None
    ) -> Sequence[Task]:
        await self._undo_doubtful_claim(worker)
        now = self._clock.now()
        holders = await self._database.read(_holders)
        due = due_condition(handlers, now, [holder for holder in holders if not self._lease.alive(holder)])
        if limit < 1 or not await self._database.read(
            lambda connection: connection.scalar(select(exists().where(due)))
        ):
            return []
        try:
            places = Places(worker, limit, share)
            return await self._database.write(lambda connection: claim_rows(connection, places, due, now))
        except (Unavailable, asyncio.CancelledError):
            self._doubtful_claims[worker] = now
            raise

    async def _undo_doubtful_claim(self, worker: WorkerId) -> None:
        """A claim that failed may have been committed: its tasks would wait for as long as the worker lives."""
        at = self._doubtful_claims.get(worker)
        if at is not None:
            await self._database.write(lambda connection: undo_claim(connection, worker, at))
            self._doubtful_claims.pop(worker, None)

    async def report(self, worker: WorkerId, task_id: TaskId, partial: Mapping[str, Any]) -> None:
        await self._change_claimed(worker, task_id, {"result": partial})

    async def finish(self, worker: WorkerId, task_id: TaskId, status: TaskStatus, result: Mapping[str, Any]) -> bool:
        assert status.terminal, "a task ends in a terminal status"
        changes = {"status": status.value, "result": result, "claimed_by": None}
        return await self._change_claimed(worker, task_id, changes)

    async def hand_back(
        self, worker: WorkerId, task_id: TaskId, delay: timedelta = timedelta(), *, untouched: bool = False
    ) -> None:
        changes: dict[str, Any] = {"claimed_by": None, "due_at": self._clock.now() + delay}
        changes |= {"attempts": tasks.c.attempts - 1} if untouched else {"interrupted": False}
        await self._change_claimed(worker, task_id, changes)
        self._changed_here.set()

    async def _change_claimed(self, worker: WorkerId, task_id: TaskId, changes: Mapping[str, Any]) -> bool:
        """Only the holder of the claim changes anything."""
        if not _is_id(task_id):
            return False
        mine = and_(tasks.c.id == int(task_id), tasks.c.claimed_by == worker, open_task)
        statement = update(tasks).where(mine).values(updated_at=self._clock.now(), **changes)

        def change(connection: Connection) -> bool:
            changed = connection.execute(statement).rowcount == 1
            if changed and "due_at" in changes:
                raise_counter(connection, CHANGED)
            return changed

        return await self._database.write(change)

    async def request_cancel(self, task_id: TaskId, audit: AuditEntry) -> Task:
        now = self._clock.now()

        def change(connection: Connection) -> Task:
            row = connection.execute(select(tasks).where(tasks.c.id == int(task_id))).one_or_none()
            if row is None:
                raise _no_task(task_id)
            add_entry(connection, audit)
            if row.status != TaskStatus.NEW.value:
                return task_of(row)
            changes = _cancellation(row, now)
            connection.execute(update(tasks).where(tasks.c.id == row.id).values(changes))
            raise_counter(connection, CHANGED)
            return task_of(connection.execute(select(tasks).where(tasks.c.id == row.id)).one())

        if not _is_id(task_id):
            raise _no_task(task_id)
        task = await self._database.write(change)
        self._changed_here.set()
        return task

    async def cancellations(self, worker: WorkerId) -> Sequence[TaskId]:
        found = await self._select(and_(open_task, tasks.c.claimed_by == worker, tasks.c.cancel_requested))
        return [task.id for task in found]

    async def wait(self, timeout: float) -> None:
        me = asyncio.current_task()
        assert me is not None, "called from a coroutine"
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        while (value := self._changes.value()) == self._seen.get(me) and (left := deadline - loop.time()) > 0:
            self._changed_here.clear()
            try:
                async with asyncio.timeout(min(left, LOOK_EVERY)):
                    await self._changed_here.wait()
            except TimeoutError:
                continue
        self._seen[me] = value

    async def purge(self, before: datetime) -> int:
        query = select(tasks.c.id).where(tasks.c.status != TaskStatus.NEW.value, tasks.c.updated_at < before)
        old = await self._database.read(lambda connection: connection.scalars(query).all())
        for start in range(0, len(old), PURGE_AT_ONCE):
            statement = delete(tasks).where(tasks.c.id.in_(old[start : start + PURGE_AT_ONCE]))
            await self._database.write(partial(_execute, statement))
        return len(old)


def _holders(connection: Connection) -> list[WorkerId]:
    query = select(tasks.c.claimed_by).where(tasks.c.claimed_by.is_not(None)).distinct()
    return [WorkerId(name) for name in connection.scalars(query)]


def _execute(statement: Delete, connection: Connection) -> None:
    connection.execute(statement)


def _cancellation(row: Any, now: datetime) -> dict[str, Any]:
    """At once if no worker has begun it; otherwise the worker that has it, or takes it next, is told."""
    if row.attempts == 0:
        return {
            "status": TaskStatus.CANCELLED.value,
            "result": CANCELLED_UNSTARTED,
            "updated_at": now,
            "cancel_requested": True,
        }
    return {"cancel_requested": True, "due_at": now, "updated_at": now}


def _is_id(task_id: str) -> bool:
    return task_id.isascii() and task_id.isdecimal() and len(task_id) < 20 and int(task_id) <= _LARGEST_ID


def _no_task(task_id: str) -> NotFound:
    return NotFound(f"There is no task {task_id}.")
