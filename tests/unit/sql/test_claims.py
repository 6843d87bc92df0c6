"""Claims whose commit nobody knows of."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.sql import Database, FileLease, SqlTaskQueue
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.task import NewTask, WorkerId

ONE, DEAD = WorkerId("one"), WorkerId("dead")


@pytest.mark.parametrize("failure", [Unavailable("unknown"), asyncio.CancelledError()])
async def test_a_claim_that_may_have_been_committed_is_taken_back(
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

    async def commit_and_fail(change: Any) -> Any:
        await write(change)
        raise failure

    with monkeypatch.context() as patch:
        patch.setattr(database, "write", commit_and_fail)
        with pytest.raises(type(failure)):
            await queue.claim(ONE, ["copy"], 1)
    (again,) = await queue.claim(ONE, ["copy"], 1)
    assert (again.id, again.attempts, again.interrupted) == (task.id, 2, True)
    assert await queue.claim(ONE, ["copy"], 1) == []


async def test_a_large_purge_is_made_in_pieces(database: Database, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("superfacility.adapters.sql.task_queue.PURGE_AT_ONCE", 3)
    queue = SqlTaskQueue(database, FileLease(path.parent / "workers"), SystemClock())
    now = SystemClock().now()
    new, audit = NewTask(UserName("alice"), "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y")
    for _ in range(8):
        await queue.request_cancel((await queue.accept(new, audit)).id, audit)
    assert await queue.purge(SystemClock().now()) == 8
    assert await queue.tasks(UserName("alice")) == []


async def test_after_closing_nothing_hangs(path: Path) -> None:
    database = Database.open(path)
    await database.aclose()
    with pytest.raises(Unavailable):
        await database.write(lambda _: None)
    with pytest.raises(Unavailable):
        await database.read(lambda _: None)
    with pytest.raises(Unavailable):
        database.data_version()
