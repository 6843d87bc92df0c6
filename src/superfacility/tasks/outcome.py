"""How a run ended, and what becomes of its task: pure decisions, no waiting."""

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
CANCELLED = {"status": "error", "error": "Cancelled."}
WAITING = "waiting"
"""The member of a partial result that tells of the last attempt's trouble: its `reason`, and `since` when."""
UNEXPECTED = "The service failed while it worked on this. Tell staff: the log has the details."


@dataclass(frozen=True, slots=True)
class Finish:
    """End the task."""

    status: TaskStatus
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class HandBack:
    """Let any worker take it after a while; `untouched` if the handler never began. `partial` is what its result tells
    meanwhile, where that is something new."""

    delay: timedelta = timedelta()
    untouched: bool = False
    partial: Mapping[str, Any] | None = None


Outcome = Finish | HandBack


def verdict_before_start(task: Task, handler: Handler) -> Outcome | None:
    """What is decided without running the handler: it died in a worker's hands, or need not begin."""
    if task.interrupted and handler.kind is HandlerKind.AT_MOST_ONCE:
        return Finish(TaskStatus.FAILED, {**(task.result or {}), **handler.lost})
    if task.interrupted and handler.give_up_after is None and task.attempts > handler.max_attempts:
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
    return _retry_defect(run)


def _complete(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its own keys in their order, as programs know them; never without `status` and `error`."""
    return {"status": "ok", **result, "error": result.get("error")}


def _after_cancellation(run: Run, result: Mapping[str, Any]) -> Outcome:
    known = {key: value for key, value in (run.partial or {}).items() if key != WAITING}
    shown = {**known, **CANCELLED, **result}
    if run.cancelled:
        return Finish(TaskStatus.CANCELLED, shown)
    if not run.stopping:
        log.error("a handler cancelled itself", task=run.task.id, handler=run.handler.name)
        return _retry_defect(run)
    if run.handler.kind is HandlerKind.AT_MOST_ONCE:
        return Finish(TaskStatus.FAILED, {**shown, **run.handler.lost})
    return HandBack()


def _text(problem: BaseException) -> str:
    return str(problem) if isinstance(problem, FacilityError) else UNEXPECTED


def _after_error(run: Run, problem: FacilityError) -> Outcome:
    may_have_run = isinstance(problem, Doubtful) and run.handler.kind is HandlerKind.AT_MOST_ONCE
    if not problem.transient or may_have_run:
        return _failed(run.partial, str(problem))
    if run.handler.give_up_after is None:
        return _retry(run, str(problem))
    if run.age < run.handler.give_up_after:
        return HandBack(run.handler.delay(run.task.attempts), partial=_waiting(run, str(problem)))
    return _failed(run.partial, f"Gave up after {_spoken(run.age)}; the last attempt said: {problem}")


def _retry_defect(run: Run) -> Outcome:
    """An error of ours; where the handler may run again, time may help."""
    if run.handler.kind is HandlerKind.AT_MOST_ONCE:
        return _failed(run.partial, UNEXPECTED)
    return _retry(run, UNEXPECTED)


def _retry(run: Run, text: str) -> Outcome:
    attempts = run.task.attempts
    if attempts < run.handler.max_attempts:
        return HandBack(run.handler.delay(attempts))
    return _failed(run.partial, f"Gave up after {attempts} attempts; the last one said: {text}")


def _waiting(run: Run, reason: str) -> Mapping[str, Any]:
    earlier = (run.partial or {}).get(WAITING, {})
    since = earlier.get("since", run.now.isoformat())
    return {**(run.partial or {}), WAITING: {"reason": reason, "since": since}}


def _spoken(age: timedelta) -> str:
    hours, seconds = divmod(int(age.total_seconds()), 3600)
    return f"{hours} hours" if hours else f"{seconds} s"


def _failed(partial: Mapping[str, Any] | None, text: str) -> Finish:
    known = {key: value for key, value in (partial or {}).items() if key != WAITING}
    return Finish(TaskStatus.FAILED, {**known, "status": "error", "error": text})
