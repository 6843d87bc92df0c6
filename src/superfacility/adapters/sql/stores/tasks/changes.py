"""Changes of the task table as functions on a connection, for use inside a transaction."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, and_, bindparam, exists, func, insert, or_, select, update

from superfacility.adapters.sql.engine.counters import announce
from superfacility.adapters.sql.stores.tasks.hands import InHand
from superfacility.adapters.sql.tables import idempotency_keys, open_task, tasks
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import LISTED_BYTES
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId

CHANGED = "tasks"
"""What is announced when workers may find something to do."""
LOOK_AHEAD = 500
"""Among how many of the oldest due tasks owners take turns."""
KEY = ("client_id", "method", "path", "key")
"""What the table of an idempotency key finds it by."""
_INSERT = insert(tasks)
_KEEP_KEY = insert(idempotency_keys)
_BY_KEY = select(tasks, idempotency_keys.c.fingerprint).where(
    tasks.c.id == idempotency_keys.c.task_id,
    *(idempotency_keys.c[name] == bindparam(name) for name in KEY),
)
CHANGE_OF = update(tasks).where(tasks.c.id == bindparam("number"))
"""Its columns are the names of the other parameters."""
_IS_DUE = and_(
    open_task,
    tasks.c.handler.in_(bindparam("handlers", expanding=True)),
    or_(
        and_(tasks.c.claimed_by.is_(None), tasks.c.due_at <= bindparam("now")),
        tasks.c.claimed_by.in_(bindparam("void", expanding=True)),
    ),
    tasks.c.id.not_in(bindparam("in_hand", expanding=True)),
)
_ANY_DUE = select(exists().where(_IS_DUE))
_OLDEST = (
    select(tasks.c.id, tasks.c.owner)
    .where(
        _IS_DUE,
        tasks.c.id.not_in(bindparam("tried", expanding=True)),
        tasks.c.owner.not_in(bindparam("full", expanding=True)),
    )
    .order_by(tasks.c.id)
    .limit(LOOK_AHEAD)
    .subquery()
)
_TURN = func.row_number().over(partition_by=_OLDEST.c.owner, order_by=_OLDEST.c.id).label("turn")
_RANKED = select(_OLDEST.c.id, _OLDEST.c.owner, _TURN).order_by(_TURN, _OLDEST.c.id)
_CHOSEN = (
    select(tasks)
    .where(tasks.c.id.in_(bindparam("chosen", expanding=True)), _IS_DUE)
    .order_by(tasks.c.id)
    .with_for_update(skip_locked=True)
)
"""Others claim at the same time (on PostgreSQL): what they have just taken is passed over."""
_HELD = (
    select(tasks.c.owner, func.count().label("held"))
    .where(
        open_task,
        tasks.c.claimed_by == bindparam("holder"),
        tasks.c.id.in_(bindparam("running", expanding=True)),
    )
    .group_by(tasks.c.owner)
)
_SIZE = func.length(tasks.c.intent, type_=Integer) + func.coalesce(func.length(tasks.c.result, type_=Integer), 0)
CANCELLED_UNSTARTED = {"status": "error", "error": "Cancelled before it started."}


def columns_of(key: IdempotencyKey) -> dict[str, str]:
    """By name, as in `KEY`."""
    return {name: getattr(key, name) for name in KEY}


def earlier(connection: Connection, idempotency: IdempotencyKey) -> Task | None:
    """The task that this key made before."""
    row = connection.execute(_BY_KEY, columns_of(idempotency)).one_or_none()
    if row is None:
        return None
    idempotency.check(row.fingerprint)
    return task_of(row)


def add_task(connection: Connection, new: NewTask, worker: WorkerId | None) -> Task:
    """Claimed by the worker from the first moment on, if there is one."""
    attempts = 0 if worker is None else 1
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
        "attempts": attempts,
        "cancel_requested": False,
        "interrupted": False,
        "claimed_by": worker,
    }
    key = connection.execute(_INSERT, row).inserted_primary_key
    assert key is not None
    if worker is None:
        announce(connection, CHANGED)
    return replace(new.as_task(TaskId(str(key[0]))), attempts=attempts)


def keep_key(connection: Connection, idempotency: IdempotencyKey, task: Task) -> None:
    row = {**columns_of(idempotency), "fingerprint": idempotency.fingerprint, "task_id": int(task.id)}
    connection.execute(_KEEP_KEY, row)


@dataclass(frozen=True, slots=True)
class Places:
    """What a worker has room for: `limit` tasks more, and no more than `share` of one owner with those it runs."""

    worker: WorkerId
    limit: int
    share: int | None
    running: InHand


@dataclass(frozen=True, slots=True)
class Due:
    """Which tasks a worker may claim: unclaimed and due, or claimed by workers whose claims are `void`, but none that
    it has `in_hand`."""

    handlers: Sequence[str]
    now: datetime
    void: Sequence[str]
    in_hand: Collection[int]

    def parameters(self) -> dict[str, Any]:
        """Of statements with `_IS_DUE`."""
        return {"handlers": self.handlers, "now": self.now, "void": self.void, "in_hand": list(self.in_hand)}

    def any(self, connection: Connection) -> bool:
        return bool(connection.scalar(_ANY_DUE, self.parameters()))


def claim_rows(connection: Connection, places: Places, due: Due) -> list[Task]:
    """Mark due tasks as this worker's: the oldest first, but one of each owner before a second one of any."""
    held = _held(connection, places)
    tried: list[int] = []
    claimed: list[Task] = []
    while chosen := _choose(connection, places, due.parameters() | {"tried": tried}, held, len(claimed)):
        tried += chosen
        found = connection.execute(_CHOSEN, due.parameters() | {"chosen": chosen}).all()
        # What was accepted for this worker meanwhile is in its hands since before it could be seen here.
        running = places.running.numbers()
        rows = [row for row in found if row.id not in running]
        claimed += [_claim(connection, row, places.worker, due.now) for row in rows]
        held.update(row.owner for row in rows)
        if len(rows) == len(chosen):
            break
    return claimed


def _choose(
    connection: Connection, places: Places, untried: Mapping[str, Any], held: Counter[str], claimed: int
) -> list[int]:
    full = [owner for owner, count in held.items() if places.share is not None and count >= places.share]
    chosen: list[int] = []
    for number, owner, place in connection.execute(_RANKED, {**untried, "full": full}):
        if claimed + len(chosen) == places.limit:
            break
        if places.share is None or held[owner] + place <= places.share:
            chosen.append(number)
    return chosen


def _claim(connection: Connection, row: Any, worker: WorkerId, now: datetime) -> Task:
    known = row.claimed_by == worker  # by a claim that nobody was told of: nothing was begun
    interrupted = row.interrupted or (row.claimed_by is not None and not known)
    changes = {"attempts": row.attempts + (not known), "interrupted": interrupted, "updated_at": now}
    connection.execute(CHANGE_OF, {"number": row.id, "claimed_by": worker, **changes})
    return task_of(row, **changes)


def _held(connection: Connection, places: Places) -> Counter[str]:
    """How many tasks of each owner the worker runs."""
    running = {"holder": places.worker, "running": list(places.running.numbers())}
    return Counter({row.owner: row.held for row in connection.execute(_HELD, running)})


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


def cancel_unstarted(connection: Connection, at: datetime, *which: ColumnElement[bool]) -> None:
    """Tasks of a revoked client, or of somebody who may not order any more, that no worker has begun."""
    connection.execute(
        update(tasks)
        .where(open_task, tasks.c.attempts == 0, *which)
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
