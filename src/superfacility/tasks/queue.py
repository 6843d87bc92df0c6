"""The port of the durable queue."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId

LISTED_BYTES = 32 * 1024 * 1024
"""How much JSON the intents and results of one listing may have together."""


class Taker(Protocol):
    """A worker of this process, which can begin with what has just been accepted."""

    id: WorkerId

    def reserve(self, new: NewTask) -> bool:
        """Keep a place for it, if there is one and nobody who came earlier waits for it."""

    def begin(self, owner: UserName, task: Task | None) -> None:
        """Use the place that was kept; None: it is not needed."""


class TaskQueue(Protocol):
    """Keeps tasks. What a call has returned from is durable; a claim belongs to one worker until that worker ends it
    or dies, and a worker that lost its claim cannot change the task any more."""

    async def accept(self, new: NewTask, audit: AuditEntry, idempotency: IdempotencyKey | None = None) -> Task:
        """Commit task, audit row and key in one transaction. The same key again returns the first task; the same key
        with another fingerprint is `KeyReused`. `TooMany` where the owner has as many open tasks as the queue's quota
        lets one have, also if many are accepted at once. Where a worker that attends has a place, the same transaction
        claims the task for it, and the worker begins at once."""

    async def accepted(self, idempotency: IdempotencyKey) -> Task | None:
        """What this key has made before; `KeyReused` as for `accept`."""

    def attend(self, taker: Taker) -> None:
        """Offer what is accepted from now on to this worker first."""

    async def task(self, task_id: TaskId) -> Task | None: ...

    async def by_reference(self, handler: str, reference: str) -> Task | None: ...

    async def tasks(self, owner: UserName, *, handler: str | None = None, limit: int = 1000) -> Sequence[Task]:
        """Newest first, of one handler or all; the older ones that would go beyond `LISTED_BYTES` are left out."""

    async def claim(
        self, worker: WorkerId, handlers: Sequence[str], limit: int, *, share: int | None = None
    ) -> Sequence[Task]:
        """Take up to `limit` tasks of these handlers that are due: new ones and those whose worker has died, oldest
        first, owners in turn. With a `share`, no owner has more tasks than that in this worker's hands. A task whose
        cancellation was requested before it ever started is never claimed.
        """

    async def report(self, worker: WorkerId, task_id: TaskId, partial: Mapping[str, Any]) -> None:
        """Keep a partial result. Silently nothing if the claim is lost."""

    async def finish(self, worker: WorkerId, task_id: TaskId, status: TaskStatus, result: Mapping[str, Any]) -> bool:
        """End a claimed task. False if the claim is lost or the task has ended: then nothing changed."""

    async def hand_back(
        self, worker: WorkerId, task_id: TaskId, delay: timedelta = timedelta(), *, untouched: bool = False
    ) -> None:
        """Give a claim back, due again after `delay`, or at once if its cancellation was requested meanwhile;
        `untouched` means that the handler did nothing, so the attempt does not count."""

    async def request_cancel(self, task_id: TaskId, audit: AuditEntry) -> Task:
        """A task that has not started is cancelled at once; of a running one the worker is told. One that has ended
        stays as it is. Returns the task as it then is; `NotFound` if there is none."""

    async def cancellations(self, worker: WorkerId) -> Sequence[TaskId]:
        """Tasks claimed by this worker whose cancellation was requested."""

    async def wait(self, timeout: float) -> None:
        """Until something may have changed (a task accepted, a cancellation requested, also by another process), at
        most `timeout` seconds."""

    async def purge(self, before: datetime) -> int:
        """Delete tasks that ended before; their audit rows stay. Returns how many."""


class Lease(Protocol):
    """A worker's proof of life: a lock that dies with its process."""

    def hold(self, worker: WorkerId) -> None:
        """Take it for as long as this process lives."""

    def release(self, worker: WorkerId) -> None: ...

    def alive(self, worker: WorkerId) -> bool: ...
