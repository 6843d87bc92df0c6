"""Handlers: what can be done as a task, and what a crash means for it."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum
from typing import Any, Protocol

from superfacility.tasks.pauses import backoff
from superfacility.tasks.task import Task


class HandlerKind(Enum):
    """What may happen after a worker died in the middle."""

    REPEATABLE = "run it again; it does no harm"
    RECONCILED = "run it again; it looks first what has happened, then acts"
    AT_MOST_ONCE = "never run it again; the task fails and says that it may have run"


class TaskContext(Protocol):
    """What a running handler may use. Cancellation arrives as `asyncio.CancelledError`: clean up, then let it pass.

    To end a cancelled task with a result, raise `Cancelled(result)` instead.
    """

    @property
    def task(self) -> Task: ...

    @property
    def cancelled(self) -> bool:
        """Whether the owner asked for the end of it; a cancellation without is the worker's own end."""

    async def report(self, partial: Mapping[str, Any]) -> None:
        """Show a partial result while the task runs; written at most about once a second."""


class Cancelled(Exception):
    """The handler has cleaned up after a cancellation; `result` is what the task keeps."""

    def __init__(self, result: Mapping[str, Any]) -> None:
        super().__init__("cancelled")
        self.result = result


@dataclass(frozen=True, slots=True)
class Handler:
    """`run` returns the task's result (JSON-ready, `status` `ok` or `error`).

    What it raises decides: a transient `FacilityError` (or an unexpected error of a repeatable or reconciled handler)
    is tried again with back-off up to `max_attempts`, anything else fails the task with the message as its `error`.
    With `give_up_after`, transient errors are tried again until the task is that old, whatever the number of attempts;
    meanwhile its result tells what it is waiting for. `delay` makes the pause after so many attempts. `lost` is the
    result of an at-most-once task whose worker died.
    """

    name: str
    kind: HandlerKind
    run: Callable[[TaskContext], Awaitable[Mapping[str, Any]]]
    max_attempts: int = 10
    give_up_after: timedelta | None = None
    delay: Callable[[int], timedelta] = backoff
    lost: Mapping[str, Any] = field(
        default_factory=lambda: {
            "status": "error",
            "error": "The service was interrupted while this ran: it may have run, wholly or in part. "
            "Check before you repeat it.",
        }
    )


class Registry:
    """All handlers by name."""

    def __init__(self, handlers: tuple[Handler, ...] = ()) -> None:
        self._handlers: dict[str, Handler] = {}
        for handler in handlers:
            self.add(handler)

    def add(self, handler: Handler) -> None:
        assert handler.name not in self._handlers, f"two handlers named {handler.name}"
        self._handlers[handler.name] = handler

    def __getitem__(self, name: str) -> Handler:
        return self._handlers[name]

    def names(self) -> list[str]:
        return list(self._handlers)
