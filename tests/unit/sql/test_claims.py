"""Claims whose commit nobody knows of."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.sql import Database, FileLease, SqlTaskQueue, open_database
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.task import NewTask, Task, TaskStatus, WorkerId

ONE, DEAD = WorkerId("one"), WorkerId("dead")


@pytest.mark.parametrize("failure", [Unavailable("unknown"), asyncio.CancelledError()])
async def test_a_claim_that_may_have_been_committed_is_found_again(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    lease = FileLease(path.parent / "workers")
    queue = SqlTaskQueue(database, lease, SystemClock())
    now = SystemClock().now()
    new = NewTask(UserName("alice"), "copy", {}, now, "red")
    task = await queue.accept(new, AuditEntry(now, "alice", "x", "y"))
    lease.hold(DEAD)
    await queue.claim(DEAD, ["copy"], 1)
    lease.release(DEAD)
    lease.hold(ONE)
    write = database.write

    async def commit_and_fail(change: Any, **_: Any) -> Any:
        await write(change)
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", commit_and_fail)
        with pytest.raises(type(failure)):
            await queue.claim(ONE, ["copy"], 1)
    (again,) = await queue.claim(ONE, ["copy"], 1)
    assert (again.id, again.attempts, again.interrupted) == (task.id, 2, True)
    assert await queue.claim(ONE, ["copy"], 1) == []


async def test_a_claim_that_is_committed_after_its_caller_was_told_that_it_failed_is_found_again(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by a thread that a database without answers holds for long; all places of the owner are in doubt then."""
    lease = FileLease(path.parent / "workers")
    queue = SqlTaskQueue(database, lease, SystemClock())
    now = SystemClock().now()
    audit = AuditEntry(now, "alice", "x", "y")
    accepted = [(await queue.accept(NewTask(UserName("alice"), "copy", {}, now, "red"), audit)).id for _ in range(3)]
    lease.hold(ONE)
    write, held_up = database.write, []

    async def fail_and_commit_later(change: Any, **_: Any) -> Any:
        held_up.append(change)
        raise Unavailable("unknown")

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", fail_and_commit_later)
        with pytest.raises(Unavailable):
            await queue.claim(ONE, ["copy"], 2, share=2)
    (first,) = await queue.claim(ONE, ["copy"], 1, share=2)
    await write(held_up[0])
    await queue.request_cancel(accepted[1], audit)
    again = [first, *await queue.claim(ONE, ["copy"], 8, share=2)]
    assert [(task.id, task.attempts, task.interrupted) for task in again] == [(each, 1, False) for each in accepted[:2]]
    assert await queue.claim(ONE, ["copy"], 8, share=2) == []


class Place:
    """A worker that has room for one task."""

    id = ONE

    def __init__(self) -> None:
        self.begun: list[Task] = []

    def reserve(self, new: NewTask) -> bool:
        return True

    def begin(self, owner: UserName, task: Task | None) -> None:
        assert task is not None
        self.begun.append(task)


async def test_what_is_accepted_for_a_worker_while_it_claims_is_not_claimed_again(
    database: Database, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has begun: a command would run twice."""
    lease = FileLease(path.parent / "workers")
    queue, now = SqlTaskQueue(database, lease, SystemClock()), SystemClock().now()
    new, audit = NewTask(UserName("alice"), "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y")
    waiting = await queue.accept(new, audit)
    lease.hold(ONE)
    place, read = Place(), database.read

    async def read_and_accept(look: Any) -> Any:
        found = await read(look)
        if not place.begun:
            queue.attend(place)
            await queue.accept(new, audit)
        return found

    with monkeypatch.context() as patch:
        patch.setattr(database, "read", read_and_accept)
        claimed = await queue.claim(ONE, ["copy"], 8)
    assert [task.id for task in claimed] == [waiting.id]
    assert len(place.begun) == 1
    assert await queue.finish(ONE, place.begun[0].id, TaskStatus.COMPLETED, {})


async def test_a_large_purge_is_made_in_pieces(database: Database, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superfacility.adapters.sql.stores.tasks.queue.PURGE_AT_ONCE", 3)
    queue = SqlTaskQueue(database, FileLease(path.parent / "workers"), SystemClock())
    now = SystemClock().now()
    new, audit = NewTask(UserName("alice"), "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y")
    for _ in range(8):
        await queue.request_cancel((await queue.accept(new, audit)).id, audit)
    assert await queue.purge(SystemClock().now()) == 8
    assert await queue.tasks(UserName("alice")) == []


async def test_after_closing_nothing_hangs(path: Path) -> None:
    database = open_database(path)
    await database.aclose()
    with pytest.raises(Unavailable):
        await database.write(lambda _: None)
    with pytest.raises(Unavailable):
        await database.read(lambda _: None)
    with pytest.raises(Unavailable):
        database.data_version()
