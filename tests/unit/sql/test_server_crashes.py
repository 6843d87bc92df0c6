"""What becomes of a commit while PostgreSQL crashes, with nothing of it written out yet, and comes back."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, insert, select

from superfacility.adapters.sql import SqlTaskQueue, migrate
from superfacility.adapters.sql.postgresql.database import PostgresDatabase
from superfacility.adapters.sql.postgresql.locks import AdvisoryLease
from superfacility.adapters.sql.tables import counters
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.task import NewTask, Task, TaskStatus, WorkerId
from superfacility.testing.postgresql import PostgreSQL, running

ALICE, ONE = UserName("alice"), WorkerId("one")


@pytest.fixture(scope="module")
def crashing(postgresql: PostgreSQL) -> Iterator[PostgreSQL]:
    """A server that writes nothing out before a COMMIT asks for it: a crash makes it forget what was begun."""
    with running(postgresql.folder.parent / "crashing") as server:
        for setting in ("wal_writer_delay = '10s'", "bgwriter_delay = '10s'", "autovacuum = off"):
            server.execute(f"ALTER SYSTEM SET {setting}")
        server.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def url(crashing: PostgreSQL) -> str:
    url = crashing.new_database()
    migrate(url)
    return url


def add(connection: Connection) -> str:
    connection.execute(insert(counters).values(name="test", value=0))
    return "added"


async def added(database: PostgresDatabase) -> bool:
    query = select(counters.c.name).where(counters.c.name == "test")
    return await database.read(lambda connection: connection.scalar(query) is not None)


def commit_others(url: str, count: int) -> None:
    """Transactions of somebody else, which get the numbers that a crash has made free."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(count):
            connection.execute("SELECT pg_current_xact_id()")


@pytest.mark.parametrize("others", [0, 50], ids=["whose number is free", "whose number is another's"])
@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_commit_is_looked_up_after_a_crash(crashing: PostgreSQL, url: str, point: str, others: int) -> None:
    """A server that comes back gives the numbers of forgotten transactions to new ones: they prove nothing."""
    points: list[str] = []

    def on_commit(now: str) -> None:
        points.append(now)
        if points.count(point) == 1 and now == point:
            crashing.restart()
            commit_others(url, others)
        if points == ["before", "after"]:  # what was done before is lost by itself
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    database = PostgresDatabase.open(url, on_commit)
    assert await database.write(add) == "added"
    assert await added(database)
    assert points == (["before", "before", "after"] if point == "before" else ["before", "after"])
    await database.aclose()


async def until_it_can_be_done(step: Callable[[], Awaitable[Any]]) -> Any:
    """A worker that lost its lease with the server has it again after a while."""
    async with asyncio.timeout(60):
        while True:
            try:
                return await step()
            except Unavailable:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("point", ["before", "after"])
async def test_what_a_worker_is_told_is_so_though_every_commit_meets_a_crash(
    crashing: PostgreSQL, url: str, point: str
) -> None:
    armed = False

    def on_commit(now: str) -> None:
        nonlocal armed
        if armed and now == point:
            armed = False
            crashing.restart()
            commit_others(url, 50)
            if point == "after":
                raise psycopg.OperationalError("server closed the connection unexpectedly")

    database = PostgresDatabase.open(url, on_commit)
    lease = AdvisoryLease(database.session)
    queue = SqlTaskQueue(database, lease, SystemClock())
    lease.hold(ONE)

    async def crash_in(step: Callable[[], Awaitable[Any]]) -> Any:
        nonlocal armed
        armed = True
        result = await until_it_can_be_done(step)
        assert not armed, "it met a crash"
        return result

    now = SystemClock().now()
    new, audit = NewTask(ALICE, "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y")
    task: Task = await crash_in(partial(queue.accept, new, audit))
    claimed = await crash_in(partial(queue.claim, ONE, ["copy"], 8))
    assert [(each.id, each.attempts) for each in claimed] == [(task.id, 1)]
    await crash_in(partial(queue.hand_back, ONE, task.id))
    (again,) = await until_it_can_be_done(partial(queue.claim, ONE, ["copy"], 8))
    assert (again.id, again.attempts, again.interrupted) == (task.id, 2, False)
    assert await crash_in(partial(queue.finish, ONE, task.id, TaskStatus.COMPLETED, {}))
    (kept,) = await queue.tasks(ALICE)
    assert kept.status is TaskStatus.COMPLETED
    await database.aclose()
