"""The durable queue."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Delete,
    Update,
    and_,
    bindparam,
    case,
    delete,
    literal,
    select,
    true,
    update,
)

from superfacility.adapters.sql.columns import UtcTime
from superfacility.adapters.sql.engine.alarm import Alarm
from superfacility.adapters.sql.engine.counters import Remembered, announce
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.tasks.changes import (
    CANCELLED_UNSTARTED,
    CHANGE_OF,
    CHANGED,
    Due,
    Places,
    add_task,
    claim_rows,
    earlier,
    keep_key,
    newest,
    task_of,
)
from superfacility.adapters.sql.stores.tasks.hands import InHand
from superfacility.adapters.sql.stores.tasks.quota import check_quota
from superfacility.adapters.sql.tables import open_task, tasks
from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound, Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import Lease, Taker
from superfacility.tasks.quota import NO_QUOTA, TaskQuota
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId

PURGE_AT_ONCE = 500
"""Tasks deleted in one transaction, so that others need not wait long."""
_LARGEST_ID = 2**63 - 1
_CHANGE_OF_MINE = CHANGE_OF.where(tasks.c.claimed_by == bindparam("holder"), open_task)
_BY_ID = PreparedRead(select(tasks).where(tasks.c.id == bindparam("id")))


class SqlTaskQueue:
    """`TaskQueue` over the database; whose claims are void, the lease tells."""

    def __init__(self, database: Database, lease: Lease, clock: Clock, quota: TaskQuota = NO_QUOTA) -> None:
        self._database = database
        self._lease = lease
        self._clock = clock
        self._quota = quota
        self._changes = Alarm(database, CHANGED)
        self._glances = Remembered(database)
        self._claiming: defaultdict[WorkerId, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._takers: list[Taker] = []
        self._accepting: set[asyncio.Future[Task]] = set()
        self._in_hand: defaultdict[WorkerId, InHand] = defaultdict(InHand)

    async def accept(self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None = None) -> Task:
        taker = next((each for each in self._takers if each.reserve(new)), None)
        if taker is None:
            task, _ = await self._keep(new, audit, idempotency, None)
            self._changes.ring()
            return task
        # Who does not wait for the answer any more has asked all the same: a claim must come to its worker.
        keeping = asyncio.ensure_future(self._keep_and_begin(new, audit, idempotency, taker))
        self._accepting.add(keeping)
        keeping.add_done_callback(self._accepted)
        return await asyncio.shield(keeping)

    def _accepted(self, keeping: asyncio.Future[Task]) -> None:
        self._accepting.discard(keeping)
        if not keeping.cancelled():
            keeping.exception()

    async def accepted(self, idempotency: IdempotencyKey) -> Task | None:
        return await self._database.read(lambda connection: earlier(connection, idempotency))

    def attend(self, taker: Taker) -> None:
        self._takers.append(taker)

    async def _keep_and_begin(
        self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None, taker: Taker
    ) -> Task:
        begun = None
        try:
            task, fresh = await self._keep(new, audit, idempotency, taker.id)
            begun = task if fresh else None
            return task
        finally:
            taker.begin(new.owner, begun)

    async def _keep(
        self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None, worker: WorkerId | None
    ) -> tuple[Task, bool]:
        """The task of this request, and whether it is new."""
        numbers: list[int] = []

        def change(connection: Connection) -> tuple[Task, bool]:
            if idempotency is not None and (task := earlier(connection, idempotency)) is not None:
                return task, False
            check_quota(connection, self._quota, new)
            task = add_task(connection, new, worker)
            if worker is not None:  # before it can be seen: its worker must not find it and begin it twice
                numbers.append(int(task.id))
                self._in_hand[worker].take(numbers[-1:])
            add_entry(connection, audit)
            if idempotency is not None:
                keep_key(connection, idempotency, task)
            return task, True

        kept = None
        try:
            kept, fresh = await self._database.write(
                change, turn=None if idempotency is None else _turn_of(idempotency)
            )
            return kept, fresh
        finally:
            if worker is not None:
                self._in_hand[worker].drop(number for number in numbers if not _is(kept, number))

    async def task(self, task_id: TaskId) -> Task | None:
        if not _is_id(task_id):
            return None
        found: Task | None = self._glances.get(task_id)
        if found is None and (row := await self._database.glance(_BY_ID, {"id": int(task_id)})) is not None:
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
        async with self._claiming[worker]:
            now = self._clock.now()
            due = await self._database.read(partial(self._due, worker, handlers, now))
            if due is None or limit < 1:
                return []
            running = self._in_hand[worker]
            places = Places(worker, limit, share, running)
            claimed = await self._database.write(lambda connection: claim_rows(connection, places, due), turn=None)
            running.take(int(task.id) for task in claimed)
            return claimed

    def _due(self, worker: WorkerId, handlers: Sequence[str], now: datetime, connection: Connection) -> Due | None:
        """Which tasks may be claimed; None if there is nothing. In a thread, for a lease may take its time.

        What the worker still runs is never claimed again, though it lost it: two runs could not be told apart. What it
        has and does not run is: a claim that failed was committed all the same, perhaps long after.
        """
        if not self._lease.alive(worker):
            raise Unavailable("This worker has lost its lease; it claims nothing until it has it again.")
        dead = [holder for holder in _holders(connection) if holder != worker and not self._lease.alive(holder)]
        due = Due(handlers, now, [worker, *dead], self._in_hand[worker].numbers())
        return due if due.any(connection) else None

    async def report(self, worker: WorkerId, task_id: TaskId, partial: Mapping[str, Any]) -> None:
        await self._change_claimed(worker, task_id, {"result": partial})

    async def finish(self, worker: WorkerId, task_id: TaskId, status: TaskStatus, result: Mapping[str, Any]) -> bool:
        assert status.terminal, "a task ends in a terminal status"
        changes = {"status": status.value, "result": result, "claimed_by": None}
        return await self._end_claim(worker, task_id, changes)

    async def hand_back(
        self, worker: WorkerId, task_id: TaskId, delay: timedelta = timedelta(), *, untouched: bool = False
    ) -> None:
        now = self._clock.now()
        due = case((tasks.c.cancel_requested, literal(now, UtcTime())), else_=literal(now + delay, UtcTime()))
        again = _CHANGE_OF_MINE.values(due_at=due)
        again = again.values(attempts=tasks.c.attempts - 1) if untouched else again.values(interrupted=False)
        await self._end_claim(worker, task_id, {"claimed_by": None}, again)
        self._changes.ring()

    async def _end_claim(
        self, worker: WorkerId, task_id: TaskId, changes: Mapping[str, Any], statement: Update = _CHANGE_OF_MINE
    ) -> bool:
        changed = await self._change_claimed(worker, task_id, changes, statement)
        if _is_id(task_id):
            self._in_hand[worker].drop([int(task_id)])
        return changed

    async def _change_claimed(
        self, worker: WorkerId, task_id: TaskId, changes: Mapping[str, Any], statement: Update = _CHANGE_OF_MINE
    ) -> bool:
        """Only the holder of the claim changes anything. A `statement` that makes it due again is announced."""
        if not _is_id(task_id):
            return False
        parameters = {"number": int(task_id), "holder": worker, "updated_at": self._clock.now(), **changes}

        def change(connection: Connection) -> bool:
            changed = connection.execute(statement, parameters).rowcount == 1
            if changed and statement is not _CHANGE_OF_MINE:
                announce(connection, CHANGED)
            return changed

        return await self._database.write(change, turn=None)

    async def request_cancel(self, task_id: TaskId, audit: AuditEntry) -> Task:
        now = self._clock.now()

        def change(connection: Connection) -> Task:
            row = connection.execute(select(tasks).where(tasks.c.id == int(task_id)).with_for_update()).one_or_none()
            if row is None:
                raise _no_task(task_id)
            add_entry(connection, audit)
            if row.status != TaskStatus.NEW.value:
                return task_of(row)
            changes = _cancellation(row, now)
            connection.execute(update(tasks).where(tasks.c.id == row.id).values(changes))
            announce(connection, CHANGED)
            return task_of(connection.execute(select(tasks).where(tasks.c.id == row.id)).one())

        if not _is_id(task_id):
            raise _no_task(task_id)
        task = await self._database.write(change, turn=None)
        self._changes.ring()
        return task

    async def cancellations(self, worker: WorkerId) -> Sequence[TaskId]:
        found = await self._select(and_(open_task, tasks.c.claimed_by == worker, tasks.c.cancel_requested))
        return [task.id for task in found]

    async def wait(self, timeout: float) -> None:
        await self._changes.wait(timeout)

    async def purge(self, before: datetime) -> int:
        query = select(tasks.c.id).where(tasks.c.status != TaskStatus.NEW.value, tasks.c.updated_at < before)
        old = await self._database.read(lambda connection: connection.scalars(query).all())
        for start in range(0, len(old), PURGE_AT_ONCE):
            statement = delete(tasks).where(tasks.c.id.in_(old[start : start + PURGE_AT_ONCE]))
            await self._database.write(partial(_execute, statement), turn=None)
        return len(old)


def _is(task: Task | None, number: int) -> bool:
    return task is not None and int(task.id) == number


def _turn_of(key: IdempotencyKey) -> str:
    """Requests with the same key wait for each other."""
    return f"key {key.client_id} {key.method} {key.path} {key.key}"


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
