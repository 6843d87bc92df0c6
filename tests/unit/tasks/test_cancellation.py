"""Cancelling tasks, partial results, and how a worker stops."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.tasks import run as run_module
from superfacility.tasks.registry import Cancelled, Handler, HandlerKind, TaskContext
from superfacility.tasks.task import TaskStatus


class Started:
    """A handler that says when it runs, and does as told when it is cancelled."""

    def __init__(self, on_cancel: Exception | Mapping[str, Any] | None = None, partial: Any = None) -> None:
        self.going = asyncio.Event()
        self.go = asyncio.Event()
        self.cancelled = False
        self._on_cancel = on_cancel
        self._partial = partial

    async def __call__(self, context: TaskContext) -> Mapping[str, Any]:
        if self._partial is not None:
            await context.report(self._partial)
        self.going.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            if isinstance(self._on_cancel, Exception):
                raise self._on_cancel from None
            if self._on_cancel is None:
                raise
            return self._on_cancel
        return {"done": True}


async def test_a_cancelled_task_keeps_its_partial_result(shop) -> None:
    handler = Started(partial={"output": "half"})
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    assert (await shop.task(task_id)).result == {"output": "half"}
    await shop.queue.request_cancel(task_id, shop.audit())
    task = await shop.ended(task_id)
    assert task.status is TaskStatus.CANCELLED
    assert task.result == {"output": "half", "status": "error", "error": "Cancelled."}


async def test_a_handler_can_end_a_cancelled_task_with_a_result(shop) -> None:
    handler = Started(Cancelled({"status": "error", "error": "killed", "exit_code": 143}))
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    await shop.queue.request_cancel(task_id, shop.audit())
    task = await shop.ended(task_id)
    assert task.status is TaskStatus.CANCELLED
    assert task.result == {"status": "error", "error": "killed", "exit_code": 143}


async def test_what_completed_in_spite_of_the_request_is_completed(shop) -> None:
    handler = Started({"jobid": "7"})
    shop.work(Handler("h", HandlerKind.RECONCILED, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    await shop.queue.request_cancel(task_id, shop.audit())
    assert (await shop.completed(task_id))["jobid"] == "7"


async def test_a_clean_up_that_fails_leaves_a_command_cancelled(shop) -> None:
    handler = Started(Unavailable("connection lost"))
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    await shop.queue.request_cancel(task_id, shop.audit())
    task = await shop.ended(task_id)
    assert task.status is TaskStatus.CANCELLED
    assert task.result == {"status": "error", "error": "connection lost"}


async def test_cancel_during_back_off_lets_the_handler_clean_up(shop, rerun_kind: HandlerKind) -> None:
    attempts = 0

    async def run(context: TaskContext) -> Mapping[str, Any]:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise Unavailable("later")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Cancelled({"status": "error", "error": "cleaned up"}) from None
        raise AssertionError

    shop.work(Handler("h", rerun_kind, run))
    task_id = await shop.accept()
    await shop.until(lambda: attempts == 1)
    await shop.queue.request_cancel(task_id, shop.audit())
    task = await shop.ended(task_id, skip=timedelta(seconds=1))
    assert task.status is TaskStatus.CANCELLED
    assert task.result == {"status": "error", "error": "cleaned up"}


async def test_cancel_of_a_command_during_back_off_runs_nothing(shop) -> None:
    attempts = 0

    async def run(context: TaskContext) -> Mapping[str, Any]:
        nonlocal attempts
        attempts += 1
        raise Unavailable("later")

    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, run))
    task_id = await shop.accept()
    await shop.until(lambda: attempts == 1)
    await shop.queue.request_cancel(task_id, shop.audit())
    task = await shop.ended(task_id)
    assert (task.status, attempts) == (TaskStatus.CANCELLED, 1)


async def test_reports_are_written_about_once_a_second(shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_module, "REPORT_EVERY", 0.1)
    written: list[Mapping[str, Any]] = []
    real = shop.queue.report

    async def report(worker: Any, task_id: Any, partial: Mapping[str, Any]) -> None:
        written.append(partial)
        await real(worker, task_id, partial)

    shop.queue.report = report
    shown = asyncio.Event()

    async def run(context: TaskContext) -> Mapping[str, Any]:
        for number in range(500):
            await context.report({"n": number})
        await shown.wait()
        return {}

    shop.work(Handler("h", HandlerKind.REPEATABLE, run))
    task_id = await shop.accept()
    await shop.until(lambda: written and written[-1] == {"n": 499})
    assert len(written) == 2
    assert (await shop.task(task_id)).result == {"n": 499}
    shown.set()
    await shop.completed(task_id)


async def test_the_last_report_before_a_hand_back_is_kept(shop) -> None:
    going = asyncio.Event()

    async def run(context: TaskContext) -> Mapping[str, Any]:
        await context.report({"n": 1})
        await context.report({"n": 2})
        going.set()
        await asyncio.Event().wait()
        raise AssertionError

    shop.work(Handler("h", HandlerKind.REPEATABLE, run))
    task_id = await shop.accept()
    await going.wait()
    await shop.end()
    task = await shop.task(task_id)
    assert (task.status, task.result) == (TaskStatus.NEW, {"n": 2})


async def test_stopping_hands_back_what_can_run_again(shop, rerun_kind: HandlerKind) -> None:
    handler = Started()
    worker = shop.work(Handler("h", rerun_kind, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    await shop.end()
    assert handler.cancelled
    assert not shop.lease.alive(worker.id)
    task = await shop.task(task_id)
    assert (task.status, task.interrupted) == (TaskStatus.NEW, False)
    shop.stop = asyncio.Event()
    handler.go.set()
    shop.work(Handler("h", rerun_kind, handler))
    await shop.completed(task_id)


async def test_stopping_lets_commands_finish(shop) -> None:
    handler = Started()
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, handler))
    task_id = await shop.accept()
    await handler.going.wait()
    shop.stop.set()
    asyncio.get_running_loop().call_later(0.05, handler.go.set)
    await shop.end()
    assert (await shop.completed(task_id))["done"]


@pytest.mark.parametrize("on_cancel", [None, Cancelled({"output": "x"}), Unavailable("gone"), KeyError("gone")])
async def test_a_command_that_outlasts_the_grace_is_lost(shop, on_cancel: Exception | None) -> None:
    handler = Started(on_cancel)
    shop.work(registered := Handler("h", HandlerKind.AT_MOST_ONCE, handler), grace=0.02)
    task_id = await shop.accept()
    await handler.going.wait()
    await shop.end()
    task = await shop.task(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.result is not None
    assert task.result["error"] == registered.lost["error"]


async def test_a_handler_that_never_ends_keeps_its_claim(shop) -> None:
    going, release = asyncio.Event(), asyncio.Event()

    async def run(context: TaskContext) -> Mapping[str, Any]:
        going.set()
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        return {}

    worker = shop.work(Handler("h", HandlerKind.REPEATABLE, run), grace=0.02)
    task_id = await shop.accept()
    await going.wait()
    await shop.end()
    assert shop.lease.alive(worker.id)
    assert (await shop.task(task_id)).status is TaskStatus.NEW
    release.set()
    await asyncio.sleep(0)


async def test_a_stopping_worker_claims_nothing_more(shop) -> None:
    shop.stop.set()
    shop.work(Handler("h", HandlerKind.REPEATABLE, Started()))
    task_id = await shop.accept()
    await shop.end()
    assert not (await shop.task(task_id)).started
