"""How a run ended, and what becomes of its task: pure decisions, no waiting."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog

from superfacility.facility.errors import Doubtful, FacilityError
from superfacility.tasks.registry import Cancelled, Handler, HandlerKind
from superfacility.tasks.run import Run
from superfacility.tasks.task import Task, TaskStatus

log = structlog.get_logger(__name__)
LONGEST_DELAY = 60.0
"""Seconds of back-off at most."""
CANCELLED = {"status": "error", "error": "Cancelled."}
UNEXPECTED = "The service failed while it worked on this. Tell staff: the log has the details."


@dataclass(frozen=True, slots=True)
class Finish:
    """End the task."""

    status: TaskStatus
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HandBack:
    """Let any worker take it after a while; `untouched` if the handler never began."""

    delay: timedelta = timedelta()
    untouched: bool = False


Outcome = Finish | HandBack


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … seconds up to a minute, less a random part of up to a half, so that many do not return together."""
    longest = min(2.0 ** min(attempts - 1, 16), LONGEST_DELAY)
    return timedelta(seconds=longest * (0.5 + secrets.randbelow(1000) / 2000))


def verdict_before_start(task: Task, handler: Handler) -> Outcome | None:
    """What is decided without running the handler: it died in a worker's hands, or need not begin."""
    if task.interrupted and handler.kind is HandlerKind.AT_MOST_ONCE:
        return Finish(TaskStatus.FAILED, {**(task.result or {}), **handler.lost})
    if task.interrupted and task.attempts > handler.max_attempts:
        text = f"Gave up: the service was interrupted in each of {task.attempts - 1} attempts. Tell staff."
        return _failed(task.result, text)
    if task.cancel_requested and handler.kind is HandlerKind.AT_MOST_ONCE:
        return Finish(TaskStatus.CANCELLED, {**(task.result or {}), **CANCELLED})
    return None


def judge(run: Run) -> Outcome:
    """From how the handler ended."""
    work = run.work
    assert work is not None, "only a handler that ran can be judged"
    assert work.done(), "only a handler that ended can be judged"
    if work.cancelled():
        return _after_cancellation(run, CANCELLED)
    problem = work.exception()
    if problem is None:
        return Finish(TaskStatus.COMPLETED, _complete(work.result()))
    if isinstance(problem, Cancelled):
        return _after_cancellation(run, problem.result)
    if run.disturbed and run.handler.kind is HandlerKind.AT_MOST_ONCE:
        return _after_cancellation(run, {"error": _text(problem)})
    if isinstance(problem, FacilityError):
        return _after_error(run, problem)
    log.error("a handler failed", task=run.task.id, handler=run.handler.name, exc_info=problem)
    return _retry(run, UNEXPECTED, run.handler.kind is not HandlerKind.AT_MOST_ONCE)


def _complete(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its own keys in their order, as programs know them; never without `status` and `error`."""
    return {"status": "ok", **result, "error": result.get("error")}


def _after_cancellation(run: Run, result: Mapping[str, Any]) -> Outcome:
    shown = {**(run.partial or {}), **CANCELLED, **result}
    if run.cancelled:
        return Finish(TaskStatus.CANCELLED, shown)
    if not run.stopping:
        log.error("a handler cancelled itself", task=run.task.id, handler=run.handler.name)
        return _retry(run, UNEXPECTED, run.handler.kind is not HandlerKind.AT_MOST_ONCE)
    if run.handler.kind is HandlerKind.AT_MOST_ONCE:
        return Finish(TaskStatus.FAILED, {**shown, **run.handler.lost})
    return HandBack()


def _text(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, FacilityError) else UNEXPECTED


def _after_error(run: Run, problem: FacilityError) -> Outcome:
    may_have_run = isinstance(problem, Doubtful) and run.handler.kind is HandlerKind.AT_MOST_ONCE
    return _retry(run, str(problem), problem.transient and not may_have_run)


def _retry(run: Run, text: str, may_retry: bool) -> Outcome:
    attempts = run.task.attempts
    if may_retry and attempts < run.handler.max_attempts:
        return HandBack(backoff(attempts))
    if may_retry:
        text = f"Gave up after {attempts} attempts; the last one said: {text}"
    return _failed(run.partial, text)


def _failed(partial: Mapping[str, Any] | None, text: str) -> Finish:
    return Finish(TaskStatus.FAILED, {**(partial or {}), "status": "error", "error": text})
