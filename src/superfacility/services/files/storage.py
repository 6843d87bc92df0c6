"""Transfers: copies of files and trees between the facility's endpoints, as durable tasks."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import FileProblem, InvalidInput, NotFound, NotPermitted, Unsupported
from superfacility.facility.files import FileType
from superfacility.facility.people import User
from superfacility.facility.systems import Facility
from superfacility.facility.transfers import Endpoint, TransferAgent, TransferId, TransferProgress, TransferRequest
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.files.project_bounds import bound_endpoints
from superfacility.services.files.write_rules import homes_on, write_guard
from superfacility.services.tasks import sees_task
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import TaskQueue
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import NewTask, Task, TaskStatus

TRANSFER = "storage.transfer"


class TransferState(StrEnum):
    """As Globus names them."""

    ACTIVE = "ACTIVE"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True, slots=True)
class TransferOrder:
    """What a person asks for: endpoints by alias or UUID, absolute paths there."""

    source: str
    target: str
    source_path: str
    target_path: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """How a transfer goes. `speed` is in bytes per second; `reason` tells of a failure or of what was skipped."""

    id: TransferId
    state: TransferState
    bytes_transferred: int
    reason: str | None = None
    completed_at: datetime | None = None
    speed: int | None = None


@dataclass(frozen=True, slots=True)
class StorageService:
    facility: Facility
    queue: TaskQueue
    clock: Clock
    guard_dot_files: bool = True
    asks_for_globus: bool = False
    """Whether clients need the flag `globus`. Logins of people do not."""

    def handlers(self) -> tuple[Handler, ...]:
        return (Handler(TRANSFER, HandlerKind.REPEATABLE, self._run),)

    async def start(
        self, principal: Principal, order: TransferOrder, idempotency: IdempotencyKey | None = None
    ) -> TransferId:
        """A source that is missing and an endpoint that does not exist are refused at once."""
        self._agent()
        if self.asks_for_globus and not principal.globus:
            raise NotPermitted(
                "At this facility a client copies between named endpoints only if it was made for that: "
                "create one with `globus`."
            )
        named = (self.facility.endpoint(order.source), self.facility.endpoint(order.target))
        source, target = bound_endpoints(self.facility, principal.user, principal.project, named)
        _located(target, order.target_path)
        await _check_source(source, principal.user, _located(source, order.source_path))
        new = self._task(principal, order, TransferId(new_uuid()))
        task = await self.queue.accept(new, self._audit(principal, order), idempotency)
        assert task.reference is not None, "every transfer has its id as reference"
        return TransferId(UUID(task.reference))

    def _task(self, principal: Principal, order: TransferOrder, transfer_id: TransferId) -> NewTask:
        return NewTask(
            owner=principal.user.name,
            handler=TRANSFER,
            intent={
                "source": order.source,
                "source_path": order.source_path,
                "target": order.target,
                "target_path": order.target_path,
                "label": order.label,
                "uid": principal.user.uid,
                "project": principal.project,
            },
            created_at=self.clock.now(),
            level=principal.power.label,
            client_id=principal.client_id,
            reference=str(transfer_id),
        )

    def _audit(self, principal: Principal, order: TransferOrder) -> AuditEntry:
        target = f"{order.target}:{order.target_path}"
        return principal.audit(self.clock.now(), TRANSFER, target, f"from {order.source}:{order.source_path}")

    async def transfer(self, principal: Principal, transfer_id: str) -> Transfer:
        """One's own; another's is as unknown as one that never was."""
        try:
            reference = str(UUID(transfer_id))
        except ValueError:
            reference = ""
        task = await self.queue.by_reference(TRANSFER, reference) if reference else None
        if task is None or not sees_task(principal, task):
            raise NotFound(f"You have no transfer {transfer_id!r}; use the transfer_id that starting it returned.")
        return _transfer(TransferId(UUID(reference)), task)

    def _agent(self) -> TransferAgent:
        if self.facility.transfer_agent is None:
            raise Unsupported("This facility makes no transfers; the operator must configure a transfer agent.")
        return self.facility.transfer_agent

    async def _run(self, context: TaskContext) -> Mapping[str, Any]:
        task, intent = context.task, context.task.intent
        user = User(uid=intent["uid"], name=task.owner)
        named = (self.facility.endpoint(intent["source"]), self.facility.endpoint(intent["target"]))
        source, target = bound_endpoints(self.facility, user, intent.get("project"), named)
        request = TransferRequest(
            source, _located(source, intent["source_path"]), target, _located(target, intent["target_path"])
        )
        homes = await homes_on(named[1].transport, user, self.facility.systems.values())
        guard = write_guard(SecurityLevel.from_label(task.level), homes, enabled=self.guard_dot_files)
        started = self.clock.monotonic()

        async def report(progress: TransferProgress) -> None:
            await context.report(_told(progress, self.clock.monotonic() - started))

        done = await self._agent().copy(user, request, guard, report)
        return _told(done, self.clock.monotonic() - started)


async def _check_source(source: Endpoint, user: User, path: str) -> None:
    status = await source.transport.stat(user, path)
    if status.type not in (FileType.REGULAR, FileType.DIRECTORY):
        raise FileProblem(f"{path!r} is neither a file nor a folder; only these can be copied.")


def _located(endpoint: Endpoint, path: str) -> str:
    """Where a path lies on the endpoint's transport. One with a root of its own cannot be left by `..`."""
    if "\0" in path:
        raise InvalidInput("A path cannot have a NUL character.")
    if not path.startswith("/"):
        raise InvalidInput(f"{path!r} is not an absolute path; begin it with '/'.")
    if endpoint.root is None:
        return path
    return endpoint.root.rstrip("/") + posixpath.normpath("/" + path.lstrip("/"))


def _told(progress: TransferProgress, seconds: float) -> Mapping[str, Any]:
    return {
        "status": "ok",
        "error": None,
        "files_total": progress.files_total,
        "files_done": progress.files_done,
        "bytes_total": progress.bytes_total,
        "bytes_transferred": progress.bytes_done,
        "seconds": round(seconds, 3),
        "skipped": [each.encode(errors="replace").decode() for each in progress.skipped],
    }


def _state(task: Task) -> TransferState:
    if task.status is TaskStatus.NEW:
        return TransferState.ACTIVE
    if task.status is TaskStatus.CANCELLED:
        return TransferState.CANCELED
    succeeded = task.status is TaskStatus.COMPLETED and (task.result or {}).get("status") == "ok"
    return TransferState.SUCCEEDED if succeeded else TransferState.FAILED


def _transfer(transfer_id: TransferId, task: Task) -> Transfer:
    result = task.result or {}
    sent = int(result.get("bytes_transferred", 0))
    seconds = float(result.get("seconds", 0.0))
    return Transfer(
        id=transfer_id,
        state=_state(task),
        bytes_transferred=sent,
        reason=_reason(result),
        completed_at=task.updated_at if task.status.terminal else None,
        speed=int(sent / max(seconds, 0.001)) if sent else 0,
    )


def _reason(result: Mapping[str, Any]) -> str | None:
    skipped = result.get("skipped")
    if result.get("error"):
        return str(result["error"])
    return f"Not copied: {'; '.join(skipped)}" if skipped else None
