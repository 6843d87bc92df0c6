"""A task and its transitions.

new ──claim──> new (claimed) ──> completed   the handler returned a result (which may tell of an error)
 │                  │      ├───> failed      it gave up, or it may have run and nobody can know
 └──> cancelled <───┘      └───> new         handed back: shutdown, back-off, or its worker died
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from superfacility.facility.people import UserName

TaskId = NewType("TaskId", str)
"""A decimal number as text, never reused."""
WorkerId = NewType("WorkerId", str)


class TaskStatus(StrEnum):
    """As on the wire."""

    NEW = "new"  # accepted; perhaps running
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def terminal(self) -> bool:
        return not TRANSITIONS[self]


TRANSITIONS: Mapping[TaskStatus, frozenset[TaskStatus]] = {
    TaskStatus.NEW: frozenset({TaskStatus.NEW, TaskStatus.COMPLETED, TaskStatus.CANCELLED, TaskStatus.FAILED}),
    TaskStatus.COMPLETED: frozenset(),
    TaskStatus.CANCELLED: frozenset(),
    TaskStatus.FAILED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class NewTask:
    """What is accepted. `handler` names a registered handler, `intent` is its input as JSON-ready values.

    `level` is the security level that created it (its label); `reference` is another id by which it can be found
    (a transfer's UUID), unique per handler. `ends_work` says that it stops what its owner has begun.
    """

    owner: UserName
    handler: str
    intent: Mapping[str, Any]
    created_at: datetime
    level: str
    client_id: str | None = None
    reference: str | None = None
    ends_work: bool = False

    def as_task(self, task_id: TaskId) -> "Task":
        """What it is once it was accepted under that id."""
        return Task(
            id=task_id,
            owner=self.owner,
            handler=self.handler,
            intent=self.intent,
            status=TaskStatus.NEW,
            result=None,
            created_at=self.created_at,
            updated_at=self.created_at,
            level=self.level,
            client_id=self.client_id,
            reference=self.reference,
        )


@dataclass(frozen=True, slots=True)
class Task:
    """`result` is JSON-ready; while the status is `new` it is what was reported so far. Times are aware, UTC.

    `attempts` counts claims. `started` says that some worker has claimed it at least once; `interrupted` that the last
    worker that held it died, so that nobody knows how far it came.
    """

    id: TaskId
    owner: UserName
    handler: str
    intent: Mapping[str, Any]
    status: TaskStatus
    result: Mapping[str, Any] | None
    created_at: datetime
    updated_at: datetime
    level: str
    client_id: str | None = None
    reference: str | None = None
    attempts: int = 0
    cancel_requested: bool = False
    interrupted: bool = False

    @property
    def started(self) -> bool:
        return self.attempts > 0
