"""What the worker does with handlers that succeed, fail, hang and die."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from superfacility.facility.errors import Doubtful, FacilityError, InvalidInput, Refused, Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.pauses import backoff
from superfacility.tasks.registry import Handler, HandlerKind, TaskContext
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId
from superfacility.tasks.worker import Worker

MINUTE = timedelta(minutes=1)


async def succeed(context: TaskContext) -> Mapping[str, Any]:
    return {"jobid": "1"}


async def hang(context: TaskContext) -> Mapping[str, Any]:
    await asyncio.Event().wait()
    raise AssertionError


def failing(*problems: Exception) -> Any:
    """Raises these one after the other, then succeeds."""
    left = list(problems)

    async def run(context: TaskContext) -> Mapping[str, Any]:
        if left:
            raise left.pop(0)
        return {"jobid": str(context.task.attempts)}

    return run


async def test_a_result_always_has_status_and_error(shop) -> None:
    shop.work(Handler("h", HandlerKind.REPEATABLE, succeed))
    assert await shop.completed(await shop.accept()) == {"status": "ok", "error": None, "jobid": "1"}


async def test_a_handler_may_tell_of_an_error(shop) -> None:
    async def run(context: TaskContext) -> Mapping[str, Any]:
        return {"status": "error", "error": "no\n", "jobid": None}

    shop.work(Handler("h", HandlerKind.REPEATABLE, run))
    assert await shop.completed(await shop.accept()) == {"status": "error", "error": "no\n", "jobid": None}


async def test_transient_errors_are_tried_again_later(shop) -> None:
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, failing(Unavailable("later"), Unavailable("later"))))
    task_id = await shop.accept()
    task = await shop.ended(task_id, skip=timedelta(seconds=1))
    assert (task.status, task.attempts) == (TaskStatus.COMPLETED, 3)


async def test_back_off_waits(shop) -> None:
    shop.work(Handler("h", HandlerKind.REPEATABLE, failing(Unavailable("later"))))
    task_id = await shop.accept()
    kept = shop.memory.tasks[task_id]
    await shop.until(lambda: kept.due_at > kept.task.created_at)
    assert kept.claimed_by is None
    for _ in range(10):  # the worker looks at least once in this time
        await asyncio.sleep(0.01)
    assert kept.task.attempts == 1
    shop.clock.advance(timedelta(seconds=1))
    await shop.completed(task_id)


def test_back_off_grows_to_a_minute_with_jitter() -> None:
    for attempts, longest in ((1, 1), (2, 2), (5, 16), (7, 60), (10_000, 60)):
        delays = {backoff(attempts).total_seconds() for _ in range(50)}
        assert longest / 2 <= min(delays) <= max(delays) <= longest
        assert len(delays) > 1


async def test_it_gives_up_and_says_so(shop) -> None:
    shop.work(Handler("h", HandlerKind.RECONCILED, failing(*[Unavailable("no answer")] * 9), max_attempts=3))
    task = await shop.ended(await shop.accept(), skip=MINUTE)
    assert (task.status, task.attempts) == (TaskStatus.FAILED, 3)
    assert task.result == {"status": "error", "error": "Gave up after 3 attempts; the last one said: no answer"}


@pytest.mark.parametrize("problem", [InvalidInput("bad"), Refused("sbatch: error\n"), FacilityError("x")])
async def test_lasting_errors_fail_at_once(shop, problem: FacilityError) -> None:
    shop.work(Handler("h", HandlerKind.RECONCILED, failing(problem)))
    task = await shop.ended(await shop.accept())
    assert (task.status, task.attempts) == (TaskStatus.FAILED, 1)
    assert task.result == {"status": "error", "error": str(problem)}


async def test_unexpected_errors_are_logged_and_tried_again(shop, rerun_kind: HandlerKind) -> None:
    shop.work(Handler("h", rerun_kind, failing(KeyError("/secret/path"))))
    with capture_logs() as logs:
        task = await shop.ended(await shop.accept(), skip=MINUTE)
    assert (task.status, task.attempts) == (TaskStatus.COMPLETED, 2)
    assert any("exc_info" in line for line in logs)


async def test_unexpected_errors_show_no_internals(shop) -> None:
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, failing(KeyError("/secret/path"))))
    task = await shop.ended(await shop.accept())
    assert task.status is TaskStatus.FAILED
    assert task.result is not None
    assert "secret" not in str(task.result)
    assert task.result["status"] == "error"


async def test_what_may_have_run_is_not_run_again(shop) -> None:
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, failing(Doubtful("nobody knows"))))
    task = await shop.ended(await shop.accept())
    assert (task.status, task.attempts) == (TaskStatus.FAILED, 1)
    assert task.result == {"status": "error", "error": "nobody knows"}


async def test_a_dead_workers_command_is_lost(shop) -> None:
    task_id = await shop.left_by_the_dead(result={"output": "half"})
    handler = Handler("h", HandlerKind.AT_MOST_ONCE, succeed)
    shop.work(handler)
    task = await shop.ended(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.result == {"output": "half", **handler.lost}


async def test_a_dead_workers_other_tasks_run_again(shop, rerun_kind: HandlerKind) -> None:
    task_id = await shop.left_by_the_dead()
    shop.work(Handler("h", rerun_kind, succeed))
    await shop.completed(task_id)


async def test_a_task_that_kills_its_workers_is_given_up(shop) -> None:
    task_id = await shop.left_by_the_dead(attempts=3)
    shop.work(Handler("h", HandlerKind.REPEATABLE, succeed, max_attempts=3))
    task = await shop.ended(task_id)
    assert task.status is TaskStatus.FAILED
    assert task.result is not None
    assert "3 attempts" in task.result["error"]


async def test_a_hanging_handler_keeps_no_other_waiting(shop) -> None:
    shop.work(Handler("stuck", HandlerKind.REPEATABLE, hang), Handler("h", HandlerKind.REPEATABLE, succeed))
    await shop.accept("stuck")
    for task_id in [await shop.accept() for _ in range(20)]:
        await shop.completed(task_id)


@pytest.mark.parametrize(("owners", "expected"), [(["alice", "bob"], 4), (["alice"], 2)])
async def test_no_more_than_its_concurrency_and_half_of_it_for_one_owner(shop, owners, expected) -> None:
    running, most = 0, 0

    async def run(context: TaskContext) -> Mapping[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.002)
        running -= 1
        return {}

    shop.work(Handler("h", HandlerKind.REPEATABLE, run), concurrency=4)
    for task_id in [await shop.accept(owner=owner) for _ in range(12) for owner in owners]:
        await shop.completed(task_id)
    assert most == expected


async def test_two_workers_share_the_queue(shop) -> None:
    seen: list[str] = []

    async def run(context: TaskContext) -> Mapping[str, Any]:
        seen.append(context.task.id)
        return {}

    for _ in range(2):
        shop.work(Handler("h", HandlerKind.REPEATABLE, run), concurrency=2)
    tasks = [await shop.accept() for _ in range(20)]
    for task_id in tasks:
        await shop.completed(task_id)
    assert sorted(seen) == sorted(tasks)


def new_task(shop, owner: str = "alice", handler: str = "h") -> NewTask:
    return NewTask(UserName(owner), handler, {}, shop.clock.now(), "red")


async def idle(shop, worker: Worker) -> None:
    """Until it has found nothing in the queue."""
    await shop.until(lambda: not worker._behind)


async def test_what_is_accepted_beside_an_idle_worker_begins_in_the_same_step(shop) -> None:
    shop.queue = FlakyQueue(shop.queue)
    worker = shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, succeed), poll=60)
    shop.queue.attend(worker)
    await idle(shop, worker)
    claims = shop.queue.calls["claim"]
    task_id = await shop.accept()
    assert shop.memory.tasks[task_id].claimed_by == worker.id
    assert (await shop.task(task_id)).started
    await shop.completed(task_id)
    assert shop.queue.calls["claim"] == claims


async def test_places_are_kept_within_the_worker_and_the_owners_share(shop) -> None:
    worker = shop.work(Handler("h", HandlerKind.REPEATABLE, hang), concurrency=4, poll=60)
    await idle(shop, worker)
    assert not worker.reserve(new_task(shop, handler="another"))
    assert [worker.reserve(new_task(shop, owner)) for owner in ("alice", "alice")] == [True, True]
    assert not worker.reserve(new_task(shop))
    assert not worker.reserve(new_task(shop, "bob")), "alice's third one came first"
    for _ in range(2):
        worker.begin(UserName("alice"), None)
    await idle(shop, worker)
    assert worker.reserve(new_task(shop, "bob"))
    worker.begin(UserName("bob"), None)


async def test_a_crowd_is_served_whole_and_never_beyond_the_places(shop) -> None:
    running, most = 0, 0

    async def run(context: TaskContext) -> Mapping[str, Any]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return {}

    worker = shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, run), concurrency=4)
    shop.queue.attend(worker)
    await idle(shop, worker)
    tasks = []
    for number in range(60):
        tasks.append(await shop.accept(owner=f"user{number % 3}"))
        await asyncio.sleep(0)
    for task_id in tasks:
        assert await shop.completed(task_id)
        assert (await shop.task(task_id)).attempts == 1
    assert most <= 4


async def test_what_is_accepted_while_the_worker_stops_is_handed_back_untouched(shop) -> None:
    worker = shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, succeed), poll=60)
    await idle(shop, worker)
    assert worker.reserve(new_task(shop))
    task_id = await shop.accept()
    (task,) = await shop.queue.claim(worker.id, ["h"], 1)
    shop.stop.set()
    await shop.until(lambda: worker._stopping)
    assert shop.lease.alive(worker.id)
    worker.begin(UserName("alice"), task)
    await shop.until(lambda: not shop.lease.alive(worker.id))
    kept = shop.memory.tasks[task_id]
    assert (kept.claimed_by, kept.task.attempts, kept.task.interrupted) == (None, 0, False)
    assert not worker.reserve(new_task(shop))


class FlakyQueue:
    """Passes on to a real queue, but for the next few calls of some methods."""

    def __init__(self, queue: Any, **problems: list[Exception]) -> None:
        self._queue = queue
        self._problems = problems
        self.attend = queue.attend
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._queue, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            self.calls[name] += 1
            if self._problems.get(name):
                raise self._problems[name].pop(0)
            return await method(*arguments, **options)

        return call


async def test_a_queue_that_does_not_answer_for_a_while_loses_nothing(shop) -> None:
    away = [Unavailable("away") for _ in range(3)]
    shop.queue = FlakyQueue(
        shop.queue, claim=[*away, RuntimeError("defect")], finish=list(away), cancellations=list(away), wait=list(away)
    )
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, succeed))
    await shop.completed(await shop.accept())


async def test_a_result_that_cannot_be_stored_fails_the_task(shop) -> None:
    shop.queue = FlakyQueue(shop.queue, finish=[TypeError("not JSON")])
    shop.work(Handler("h", HandlerKind.AT_MOST_ONCE, succeed))
    task = await shop.ended(await shop.accept())
    assert task.status is TaskStatus.FAILED
    assert task.result is not None
    assert set(task.result) == {"status", "error"}


async def test_a_lost_claim_changes_nothing(shop) -> None:
    going, go = asyncio.Event(), asyncio.Event()

    async def run(context: TaskContext) -> Mapping[str, Any]:
        going.set()
        await go.wait()
        return {"mine": True}

    worker = shop.work(Handler("h", HandlerKind.REPEATABLE, run))
    task_id = await shop.accept()
    await going.wait()
    shop.lease.kill(worker.id)
    other = WorkerId("other")
    shop.lease.hold(other)
    await shop.queue.claim(other, ["h"], 1)
    go.set()
    await shop.until(lambda: not worker._running)
    assert await shop.queue.finish(other, task_id, TaskStatus.COMPLETED, {"theirs": True})
    assert (await shop.task(task_id)).result == {"theirs": True}


@pytest.mark.parametrize("kind", list(HandlerKind))
async def test_a_patient_handler_waits_and_says_what_for(shop, kind) -> None:
    """The number of attempts does not matter, and the reason is shown with the first moment of trouble."""
    problems = [Unavailable(f"away {number}") for number in range(30)]
    handler = Handler("h", kind, failing(*problems), give_up_after=timedelta(days=1), delay=lambda _: MINUTE)
    began = shop.clock.now()
    shop.work(handler)
    task_id = await shop.accept()
    await shop.until(lambda: shop.memory.tasks[task_id].task.result)
    assert (await shop.task(task_id)).result == {"waiting": {"reason": "away 0", "since": began.isoformat()}}
    shop.clock.advance(MINUTE)
    await shop.until(lambda: shop.memory.tasks[task_id].task.result["waiting"]["reason"] == "away 1")
    assert (await shop.task(task_id)).result["waiting"]["since"] == began.isoformat()
    task = await shop.ended(task_id, skip=MINUTE)
    assert (task.status, task.attempts) == (TaskStatus.COMPLETED, 31)
    assert "waiting" not in task.result


async def test_a_patient_handler_gives_up_by_age(shop) -> None:
    async def run(context: TaskContext) -> Mapping[str, Any]:
        await context.report({"jobs": {"1": "ok"}})
        raise Unavailable("away")

    shop.work(Handler("h", HandlerKind.RECONCILED, run, give_up_after=timedelta(hours=3), delay=lambda _: MINUTE))
    task = await shop.ended(await shop.accept(), skip=MINUTE)
    assert task.status is TaskStatus.FAILED
    assert task.attempts > 10
    assert task.result == {
        "jobs": {"1": "ok"},
        "status": "error",
        "error": "Gave up after 3 hours; the last attempt said: away",
    }


async def test_patience_is_for_others_troubles_and_not_for_our_defects(shop) -> None:
    handler = Handler("h", HandlerKind.REPEATABLE, failing(*[ValueError()] * 50), give_up_after=timedelta(days=1))
    shop.work(handler)
    with capture_logs():
        task = await shop.ended(await shop.accept(), skip=MINUTE)
    assert (task.status, task.attempts) == (TaskStatus.FAILED, handler.max_attempts)


async def test_a_patient_handler_whose_workers_die_goes_on(shop) -> None:
    task_id = await shop.left_by_the_dead(attempts=12)
    shop.work(Handler("h", HandlerKind.RECONCILED, succeed, give_up_after=timedelta(days=1)))
    assert await shop.completed(task_id)
