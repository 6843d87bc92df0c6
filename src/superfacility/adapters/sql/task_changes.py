"""Changes of the task table as functions on a connection, for use inside a transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, func, insert, or_, select, update

from superfacility.adapters.sql.counters import raise_counter
from superfacility.adapters.sql.tables import idempotency_keys, open_task, tasks
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import UserName
from superfacility.tasks.queue import LISTED_BYTES, IdempotencyKey
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId

CHANGED = "tasks"
"""The counter that is raised when workers may find something to do."""
LOOK_AHEAD = 500
"""Among how many of the oldest due tasks owners take turns."""
_INSERT = insert(tasks)
_KEEP_KEY = insert(idempotency_keys)
_BY_KEY = select(tasks, idempotency_keys.c.fingerprint).where(
    tasks.c.id == idempotency_keys.c.task_id,
    *(idempotency_keys.c[name] == bindparam(name) for name in ("client_id", "method", "path", "key")),
)
_SIZE = func.length(tasks.c.intent, type_=Integer) + func.coalesce(func.length(tasks.c.result, type_=Integer), 0)
CANCELLED_UNSTARTED = {"status": "error", "error": "Cancelled before it started."}


def earlier(connection: Connection, idempotency: IdempotencyKey) -> Task | None:
    """The task that this key made before."""
    parameters = {
        "client_id": idempotency.client_id,
        "method": idempotency.method,
        "path": idempotency.path,
        "key": idempotency.key,
    }
    row = connection.execute(_BY_KEY, parameters).one_or_none()
    if row is None:
        return None
    if row.fingerprint != idempotency.fingerprint:
        raise InvalidInput("This idempotency key was used with another request: send a new key.")
    return task_of(row)


def add_task(connection: Connection, new: NewTask) -> Task:
    row = {
        "owner": new.owner,
        "handler": new.handler,
        "intent": new.intent,
        "status": TaskStatus.NEW.value,
        "created_at": new.created_at,
        "updated_at": new.created_at,
        "due_at": new.created_at,
        "level": new.level,
        "client_id": new.client_id,
        "reference": new.reference,
        "attempts": 0,
        "cancel_requested": False,
        "interrupted": False,
    }
    key = connection.execute(_INSERT, row).inserted_primary_key
    assert key is not None
    raise_counter(connection, CHANGED)
    return new.as_task(TaskId(str(key[0])))


def keep_key(connection: Connection, idempotency: IdempotencyKey, task: Task) -> None:
    connection.execute(
        _KEEP_KEY,
        {
            "client_id": idempotency.client_id,
            "method": idempotency.method,
            "path": idempotency.path,
            "key": idempotency.key,
            "fingerprint": idempotency.fingerprint,
            "task_id": int(task.id),
        },
    )


@dataclass(frozen=True, slots=True)
class Places:
    """What a worker has room for: `limit` tasks more, and no more than `share` of one owner in all."""

    worker: WorkerId
    limit: int
    share: int | None


def claim_rows(connection: Connection, places: Places, due: ColumnElement[bool], now: datetime) -> list[Task]:
    """Mark due tasks as this worker's: the oldest first, but one of each owner before a second one of any."""
    worker = places.worker
    held = _held(connection, worker)
    full = [owner for owner, count in held.items() if places.share is not None and count >= places.share]
    waiting = and_(due, tasks.c.owner.not_in(full))
    oldest = select(tasks.c.id, tasks.c.owner).where(waiting).order_by(tasks.c.id).limit(LOOK_AHEAD).subquery()
    turn = func.row_number().over(partition_by=oldest.c.owner, order_by=oldest.c.id).label("turn")
    ranked = select(oldest.c.id, oldest.c.owner, turn).order_by(turn, oldest.c.id)
    chosen: list[int] = []
    for number, owner, place in connection.execute(ranked):
        if len(chosen) == places.limit:
            break
        if places.share is None or held.get(owner, 0) + place <= places.share:
            chosen.append(number)
    rows = connection.execute(select(tasks).where(tasks.c.id.in_(chosen)).order_by(tasks.c.id)).all()
    claimed = []
    for row in rows:
        interrupted = row.interrupted or row.claimed_by is not None
        changes = {"attempts": row.attempts + 1, "interrupted": interrupted, "updated_at": now}
        connection.execute(update(tasks).where(tasks.c.id == row.id).values(claimed_by=worker, **changes))
        claimed.append(task_of(row, **changes))
    return claimed


def _held(connection: Connection, worker: WorkerId) -> dict[str, int]:
    """How many tasks of each owner are in a worker's hands."""
    mine = and_(open_task, tasks.c.claimed_by == worker)
    counts = select(tasks.c.owner, func.count().label("held")).where(mine).group_by(tasks.c.owner)
    return {row.owner: row.held for row in connection.execute(counts)}


def newest(connection: Connection, condition: ColumnElement[bool], limit: int) -> list[Task]:
    """Newest first, as many as a listing may have."""
    sizes = select(tasks.c.id, _SIZE).where(condition).order_by(tasks.c.id.desc()).limit(limit)
    oldest, total = None, 0
    for number, size in connection.execute(sizes):
        total += size
        if oldest is not None and total > LISTED_BYTES:
            break
        oldest = number
    if oldest is None:
        return []
    query = select(tasks).where(condition, tasks.c.id >= oldest).order_by(tasks.c.id.desc()).limit(limit)
    return [task_of(row) for row in connection.execute(query)]


def undo_claim(connection: Connection, worker: WorkerId, at: datetime) -> None:
    """Give back what was claimed at that moment, and nobody was told of."""
    mine = (open_task, tasks.c.claimed_by == worker, tasks.c.updated_at == at)
    connection.execute(update(tasks).where(*mine).values(claimed_by=None, attempts=tasks.c.attempts - 1))


def due_condition(handlers: Sequence[str], now: datetime, dead: Sequence[str]) -> ColumnElement[bool]:
    """Unclaimed and due, or claimed by a worker that died."""
    unclaimed = and_(tasks.c.claimed_by.is_(None), tasks.c.due_at <= now)
    free = or_(unclaimed, tasks.c.claimed_by.in_(dead)) if dead else unclaimed
    return and_(open_task, tasks.c.handler.in_(handlers), free)


def cancel_unstarted(connection: Connection, client_id: str, at: datetime) -> None:
    """A revoked client's tasks that no worker has begun."""
    connection.execute(
        update(tasks)
        .where(open_task, tasks.c.client_id == client_id, tasks.c.attempts == 0)
        .values(status=TaskStatus.CANCELLED.value, result=CANCELLED_UNSTARTED, updated_at=at)
    )


def task_of(row: Any, **changes: Any) -> Task:
    fields: Mapping[str, Any] = {
        "id": TaskId(str(row.id)),
        "owner": UserName(row.owner),
        "handler": row.handler,
        "intent": row.intent,
        "status": TaskStatus(row.status),
        "result": row.result,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "level": row.level,
        "client_id": row.client_id,
        "reference": row.reference,
        "attempts": row.attempts,
        "cancel_requested": row.cancel_requested,
        "interrupted": row.interrupted,
    }
    return Task(**{**fields, **changes})
