"""The suite of `TaskQueue`.

Fixtures to supply: `queue`, `audit_log` of the same store, `clock` (a FakeClock) and `lease` that the queue asks.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.facility.errors import Conflict, KeyReused, NotFound
from superfacility.facility.people import UserName
from superfacility.tasks.keys import IdempotencyKey
from superfacility.tasks.queue import LISTED_BYTES, Lease, TaskQueue
from superfacility.tasks.task import NewTask, Task, TaskId, TaskStatus, WorkerId
from superfacility.testing.clocks import FakeClock

ALICE, BOB = UserName("alice"), UserName("bob")
ONE, TWO = WorkerId("one"), WorkerId("two")
HANDLERS = ("copy", "command")
KEY = IdempotencyKey("client", "POST", "/jobs", "k1", "fingerprint")
OK = {"status": "ok", "error": None}

Accept = Callable[..., Awaitable[Task]]


def entry(clock: FakeClock, action: str = "tasks.accept") -> AuditEntry:
    return AuditEntry(clock.now(), "alice", action, "perlmutter", "client", "192.0.2.1", "words")


def new_task(clock: FakeClock, **changes: Any) -> NewTask:
    fields: dict[str, Any] = {
        "owner": ALICE,
        "handler": "copy",
        "intent": {"path": "/x\udcff", "n": 1},
        "created_at": clock.now(),
        "level": "red",
        "client_id": "client",
    }
    return NewTask(**{**fields, **changes})


class Places:
    """A worker with as many places as it is told."""

    id = ONE

    def __init__(self, places: int) -> None:
        self.places = places
        self.given = places
        self.begun: list[Task | None] = []
        self.all_begun = asyncio.Event()

    def reserve(self, new: NewTask) -> bool:
        self.places -= 1
        return self.places >= 0

    def begin(self, owner: UserName, task: Task | None) -> None:
        self.begun.append(task)
        if len(self.begun) == self.given:
            self.all_begun.set()


class TaskQueueContract:
    """Subclass it with the fixtures named above."""

    @pytest.fixture
    def accept(self, queue: TaskQueue, clock: FakeClock) -> Accept:
        async def accept(idempotency: IdempotencyKey | None = None, **changes: Any) -> Task:
            return await queue.accept(new_task(clock, **changes), entry(clock), idempotency)

        return accept

    @pytest.fixture(autouse=True)
    def living_workers(self, lease: Lease) -> None:
        lease.hold(ONE)
        lease.hold(TWO)

    async def test_an_accepted_task_is_found_as_it_was_given(
        self, queue: TaskQueue, accept: Accept, audit_log: AuditLog
    ) -> None:
        task = await accept(reference="r1")
        assert task.id.isdecimal()
        assert (task.status, task.result, task.attempts, task.level) == (TaskStatus.NEW, None, 0, "red")
        assert task.intent == {"path": "/x\udcff", "n": 1}
        assert not task.started
        assert await queue.task(task.id) == task
        assert await queue.by_reference("copy", "r1") == task
        assert await queue.by_reference("command", "r1") is None
        assert [audited.action for audited in await audit_log.entries()] == ["tasks.accept"]

    @pytest.mark.parametrize("unknown", ["99999", "0", "-1", "x", "", "1e3", "٣", "9" * 30, " 1", "\udcff"])
    async def test_an_unknown_id_is_none_and_cannot_be_cancelled(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock, audit_log: AuditLog, unknown: str
    ) -> None:
        await accept()
        assert await queue.task(TaskId(unknown)) is None
        with pytest.raises(NotFound):
            await queue.request_cancel(TaskId(unknown), entry(clock, "tasks.cancel"))
        assert await audit_log.entries(action="tasks.cancel") == []

    async def test_the_same_key_gives_the_first_task(
        self, queue: TaskQueue, accept: Accept, audit_log: AuditLog
    ) -> None:
        assert await queue.accepted(KEY) is None
        given = await asyncio.gather(*(accept(KEY, intent={"n": n}) for n in range(20)))
        assert len({task.id for task in given}) == 1
        assert await queue.accepted(KEY) == given[0]
        assert len(await queue.tasks(ALICE)) == 1
        assert len(await audit_log.entries()) == 1

    async def test_the_same_key_for_another_request_is_refused(self, queue: TaskQueue, accept: Accept) -> None:
        await accept(KEY)
        with pytest.raises(KeyReused):
            await accept(IdempotencyKey("client", "POST", "/jobs", "k1", "other"))
        with pytest.raises(KeyReused):
            await queue.accepted(IdempotencyKey("client", "POST", "/jobs", "k1", "other"))
        assert len(await queue.tasks(ALICE)) == 1

    async def test_who_attends_and_has_a_place_gets_what_is_accepted(self, queue: TaskQueue, accept: Accept) -> None:
        taker = Places(1)
        queue.attend(taker)
        first, second = await accept(), await accept()
        assert taker.begun == [await queue.task(first.id)]
        assert [task.attempts for task in (first, second)] == [1, 0]
        assert [task.id for task in await queue.claim(ONE, HANDLERS, 8)] == [second.id]
        assert await queue.finish(ONE, first.id, TaskStatus.COMPLETED, OK)
        assert not await queue.finish(TWO, second.id, TaskStatus.COMPLETED, OK)

    async def test_what_was_accepted_for_a_worker_that_died_is_taken_over(
        self, queue: TaskQueue, accept: Accept, lease: Lease
    ) -> None:
        queue.attend(Places(1))
        task = await accept()
        assert await queue.claim(TWO, HANDLERS, 8) == []
        lease.release(ONE)
        (taken,) = await queue.claim(TWO, HANDLERS, 8)
        assert (taken.id, taken.attempts, taken.interrupted) == (task.id, 2, True)

    async def test_a_repeated_key_begins_nothing(self, queue: TaskQueue, accept: Accept) -> None:
        first = await accept(KEY)
        taker = Places(2)
        queue.attend(taker)
        assert (await accept(KEY)).id == first.id
        with pytest.raises(KeyReused):
            await accept(IdempotencyKey("client", "POST", "/jobs", "k1", "other"))
        assert all(task is None for task in taker.begun)
        assert [task.id for task in await queue.claim(ONE, HANDLERS, 8)] == [first.id]

    async def test_a_caller_who_leaves_takes_nothing_away(self, queue: TaskQueue, accept: Accept) -> None:
        taker = Places(20)
        queue.attend(taker)
        leaving = [asyncio.ensure_future(accept()) for _ in range(20)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for each in leaving:
            each.cancel()
        await asyncio.gather(*leaving, return_exceptions=True)
        async with asyncio.timeout(20):
            await taker.all_begun.wait()
        kept = await queue.tasks(ALICE)
        assert sorted(task.id for task in taker.begun if task) == sorted(task.id for task in kept)

    async def test_a_key_belongs_to_client_method_and_path(self, queue: TaskQueue, accept: Accept) -> None:
        await accept(KEY)
        await accept(IdempotencyKey("client2", "POST", "/jobs", "k1", "fingerprint"))
        await accept(IdempotencyKey("client", "PUT", "/jobs", "k1", "fingerprint"))
        await accept(IdempotencyKey("client", "POST", "/other", "k1", "fingerprint"))
        assert len(await queue.tasks(ALICE)) == 4

    async def test_a_reference_is_unique_per_handler(self, accept: Accept, audit_log: AuditLog) -> None:
        await accept(reference="r1")
        await accept(reference="r1", handler="command")
        with pytest.raises(Conflict):
            await accept(reference="r1")
        assert len(await audit_log.entries()) == 2

    async def test_a_listing_has_an_end_also_in_bytes(self, queue: TaskQueue, accept: Accept) -> None:
        script = "x" * (LISTED_BYTES * 3 // 5)
        found = [await accept(intent={"script": script}), await accept(), await accept(intent={"script": script * 2})]
        assert [task.id for task in await queue.tasks(ALICE)] == [found[2].id]
        found.append(await accept(intent={"script": script}))
        found.append(await accept())
        assert [task.id for task in await queue.tasks(ALICE)] == [found[4].id, found[3].id]

    async def test_listings(self, queue: TaskQueue, accept: Accept) -> None:
        first, second = await accept(), await accept(handler="command")
        await accept(owner=BOB)
        assert await queue.tasks(UserName("nobody")) == []
        assert [task.id for task in await queue.tasks(ALICE)] == [second.id, first.id]
        assert [task.id for task in await queue.tasks(ALICE, limit=1)] == [second.id]
        assert [task.id for task in await queue.tasks(ALICE, handler="copy")] == [first.id]

    async def test_claims_take_the_oldest_of_the_named_handlers(self, queue: TaskQueue, accept: Accept) -> None:
        first, _, third = await accept(), await accept(handler="other"), await accept()
        claimed = await queue.claim(ONE, HANDLERS, 10)
        assert [task.id for task in claimed] == [first.id, third.id]
        assert [(task.attempts, task.interrupted) for task in claimed] == [(1, False), (1, False)]
        assert await queue.claim(ONE, HANDLERS, 10) == []
        assert await queue.claim(TWO, HANDLERS, 10) == []

    async def test_no_owner_holds_more_than_a_share(self, queue: TaskQueue, accept: Accept) -> None:
        for _ in range(5):
            await accept()
        first = await queue.claim(ONE, HANDLERS, 10, share=2)
        assert len(first) == 2
        assert await queue.claim(ONE, HANDLERS, 10, share=2) == []
        await accept(owner=BOB)
        assert [task.owner for task in await queue.claim(ONE, HANDLERS, 10, share=2)] == [BOB]
        await queue.finish(ONE, first[0].id, TaskStatus.COMPLETED, {"status": "ok"})
        assert [task.owner for task in await queue.claim(ONE, HANDLERS, 10, share=2)] == [ALICE]
        assert len(await queue.claim(TWO, HANDLERS, 10, share=3)) == 2

    async def test_one_owner_does_not_keep_others_waiting(self, queue: TaskQueue, accept: Accept) -> None:
        for _ in range(5):
            await accept()
        await accept(owner=BOB)
        assert {task.owner for task in await queue.claim(ONE, HANDLERS, 2)} == {ALICE, BOB}

    async def test_concurrent_claims_never_share_a_task(self, queue: TaskQueue, accept: Accept) -> None:
        await asyncio.gather(*(accept() for _ in range(30)))
        claims = await asyncio.gather(*(queue.claim(worker, HANDLERS, 2) for worker in [ONE, TWO] * 10))
        ids = [task.id for claimed in claims for task in claimed]
        assert len(ids) == len(set(ids)) == 30

    async def test_a_dead_workers_task_is_taken_over_and_it_can_change_nothing(
        self, queue: TaskQueue, accept: Accept, lease: Lease
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        await queue.report(ONE, task.id, {"output": "a"})
        lease.release(ONE)
        (taken,) = await queue.claim(TWO, HANDLERS, 1)
        assert (taken.id, taken.attempts, taken.interrupted) == (task.id, 2, True)
        assert taken.result == {"output": "a"}
        await queue.report(ONE, task.id, {"output": "late"})
        await queue.hand_back(ONE, task.id)
        assert await queue.finish(ONE, task.id, TaskStatus.FAILED, OK) is False
        assert await queue.task(task.id) == taken

    async def test_an_end_is_final(self, queue: TaskQueue, accept: Accept, clock: FakeClock) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        clock.advance(timedelta(seconds=3))
        assert await queue.finish(ONE, task.id, TaskStatus.COMPLETED, OK) is True
        ended = await queue.task(task.id)
        assert ended is not None
        assert (ended.status, ended.result, ended.updated_at) == (TaskStatus.COMPLETED, OK, clock.now())
        assert await queue.finish(ONE, task.id, TaskStatus.FAILED, {}) is False
        await queue.report(ONE, task.id, {})
        await queue.hand_back(ONE, task.id)
        assert await queue.request_cancel(task.id, entry(clock)) == ended
        assert await queue.claim(TWO, HANDLERS, 1) == []

    async def test_handed_back_it_is_due_after_the_delay(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        await queue.hand_back(ONE, task.id, timedelta(seconds=10))
        assert await queue.claim(TWO, HANDLERS, 1) == []
        clock.advance(timedelta(seconds=10))
        (again,) = await queue.claim(TWO, HANDLERS, 1)
        assert (again.attempts, again.interrupted) == (2, False)

    async def test_untouched_it_has_not_started(self, queue: TaskQueue, accept: Accept, clock: FakeClock) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        await queue.hand_back(ONE, task.id, untouched=True)
        back = await queue.task(task.id)
        assert back is not None
        assert not back.started
        cancelled = await queue.request_cancel(task.id, entry(clock))
        assert cancelled.status is TaskStatus.CANCELLED

    @pytest.mark.parametrize("untouched", [True, False])
    async def test_untouched_it_stays_interrupted(
        self, queue: TaskQueue, accept: Accept, lease: Lease, untouched: bool
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        lease.release(ONE)
        await queue.claim(TWO, HANDLERS, 1)
        await queue.hand_back(TWO, task.id, untouched=untouched)
        (again,) = await queue.claim(TWO, HANDLERS, 1)
        assert (again.interrupted, again.attempts) == (untouched, 2 if untouched else 3)

    async def test_cancel_before_the_start_is_at_once(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock, audit_log: AuditLog
    ) -> None:
        task = await accept()
        cancelled = await queue.request_cancel(task.id, entry(clock, "tasks.cancel"))
        assert cancelled.status is TaskStatus.CANCELLED
        assert cancelled.result is not None
        assert cancelled.result["status"] == "error"
        assert await queue.claim(ONE, HANDLERS, 1) == []
        assert len(await audit_log.entries(action="tasks.cancel")) == 1

    async def test_cancel_of_a_running_one_reaches_its_worker_alone(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        asked = await queue.request_cancel(task.id, entry(clock))
        assert (asked.status, asked.cancel_requested) == (TaskStatus.NEW, True)
        assert await queue.cancellations(ONE) == [task.id]
        assert await queue.cancellations(TWO) == []
        await queue.finish(ONE, task.id, TaskStatus.CANCELLED, OK)
        assert await queue.cancellations(ONE) == []

    async def test_cancel_during_back_off_makes_it_due(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        await queue.hand_back(ONE, task.id, timedelta(hours=1))
        await queue.request_cancel(task.id, entry(clock))
        (taken,) = await queue.claim(TWO, HANDLERS, 1)
        assert taken.cancel_requested

    async def test_cancel_just_before_a_back_off_leaves_none(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock
    ) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        await queue.request_cancel(task.id, entry(clock))
        await queue.hand_back(ONE, task.id, timedelta(hours=1))
        (taken,) = await queue.claim(TWO, HANDLERS, 1)
        assert taken.cancel_requested

    async def test_waiting_ends_with_a_change(self, queue: TaskQueue, accept: Accept) -> None:
        waited = asyncio.Event()

        async def wait_twice() -> None:
            await queue.wait(60)  # what happened before the first call may have been missed
            waited.set()
            await queue.wait(60)

        waiting = asyncio.create_task(wait_twice())
        await waited.wait()
        await asyncio.sleep(0)
        await accept()
        await asyncio.wait_for(waiting, 10)

    async def test_a_change_between_two_waits_is_not_missed(self, queue: TaskQueue, accept: Accept) -> None:
        await queue.wait(60)
        await accept()
        await asyncio.wait_for(queue.wait(60), 10)

    async def test_waiting_ends_with_its_time(self, queue: TaskQueue) -> None:
        await queue.wait(0.01)
        await asyncio.wait_for(queue.wait(0.01), 10)

    async def test_purge_takes_what_ended_before(
        self, queue: TaskQueue, accept: Accept, clock: FakeClock, audit_log: AuditLog
    ) -> None:
        old, running = await accept(KEY), await accept()
        await queue.claim(ONE, HANDLERS, 2)
        await queue.finish(ONE, old.id, TaskStatus.COMPLETED, OK)
        clock.advance(timedelta(days=30))
        recent = await accept()
        await queue.request_cancel(recent.id, entry(clock))
        assert await queue.purge(clock.now() - timedelta(days=1)) == 1
        assert [task.id for task in await queue.tasks(ALICE)] == [recent.id, running.id]
        assert len(await audit_log.entries()) == 4
        again = await accept(KEY)
        assert again.id not in {old.id, running.id, recent.id}

    async def test_ids_are_never_used_again(self, queue: TaskQueue, accept: Accept, clock: FakeClock) -> None:
        first = await accept()
        await queue.request_cancel(first.id, entry(clock))
        await queue.purge(clock.now() + timedelta(seconds=1))
        assert int((await accept()).id) > int(first.id)

    async def test_large_results_survive(self, queue: TaskQueue, accept: Accept) -> None:
        task = await accept()
        await queue.claim(ONE, HANDLERS, 1)
        large = {"status": "ok", "output": "é" * 3_000_000, "error": None}
        assert await queue.finish(ONE, task.id, TaskStatus.COMPLETED, large)
        ended = await queue.task(task.id)
        assert ended is not None
        assert ended.result == large
