"""What PostgreSQL's room promises beyond the suites: commits looked up, locks of a session, shared readings."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, select

from superfacility.adapters.sql import Database, SqlTaskQueue, migrate, open_database
from superfacility.adapters.sql.postgresql.connections import describe, lock_number, open_engine
from superfacility.adapters.sql.postgresql.database import PostgresDatabase
from superfacility.adapters.sql.postgresql.locks import AdvisoryLease
from superfacility.adapters.sql.postgresql.readings import SharedReading
from superfacility.adapters.sql.postgresql.session import Session
from superfacility.adapters.sql.tables import counters, metadata
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, Doubtful, InvalidInput, Unavailable
from superfacility.facility.people import UserName
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId
from superfacility.testing.postgresql import PostgreSQL

ONE, TWO = WorkerId("one"), WorkerId("two")
ALICE = UserName("alice")
HOLD = """
import sys
from superfacility.adapters.sql.postgresql.locks import AdvisoryLease
from superfacility.adapters.sql.postgresql.session import Session
session = Session(sys.argv[1])
AdvisoryLease(session).hold("one")
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="module")
def migrated(postgresql: PostgreSQL) -> str:
    url = postgresql.new_database()
    migrate(url)
    return url


@pytest.fixture
def url(migrated: str) -> str:
    with psycopg.connect(migrated) as connection:
        connection.execute("TRUNCATE tasks, audit CASCADE")
        connection.execute("DELETE FROM counters WHERE name LIKE 'test %'")
    return migrated


@pytest.fixture
async def database(url: str) -> AsyncIterator[PostgresDatabase]:
    database = PostgresDatabase.open(url)
    yield database
    await database.aclose()


def add(name: str) -> Callable[[Connection], str]:
    """A change that adds a counter."""

    def change(connection: Connection) -> str:
        connection.execute(insert(counters).values(name=f"test {name}", value=0))
        return name

    return change


async def names(database: Database) -> list[str]:
    query = select(counters.c.name).where(counters.c.name.like("test %")).order_by(counters.c.name)
    rows = await database.read(lambda connection: connection.scalars(query).all())
    return [name.removeprefix("test ") for name in rows]


def end_others(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_migrations_build_the_tables(url: str) -> None:
    engine = open_engine(url, 1)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_a_database_without_tables_is_refused(postgresql: PostgreSQL) -> None:
    with pytest.raises(Unavailable, match="run `sfapi migrate`"):
        open_database(postgresql.new_database())


def test_a_database_that_is_not_there_is_told_without_the_password(postgresql: PostgreSQL) -> None:
    url = postgresql.url("nowhere").replace("postgres@", "postgres:geheim@")
    for attempt in (open_database, migrate):
        with pytest.raises(Unavailable) as caught:
            attempt(url)
        assert "geheim" not in str(caught.value)
    assert describe(url) == "postgresql://127.0.0.1/nowhere"


@pytest.mark.parametrize("point", ["before", "after"])
async def test_a_commit_without_an_answer_is_looked_up(url: str, point: str) -> None:
    """Undone it is tried again; done it is not done twice."""
    points: list[str] = []

    def on_commit(now: str) -> None:
        points.append(now)
        if points.count(point) == 1 and now == point:
            end_others(url)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    database = PostgresDatabase.open(url, on_commit)
    assert await database.write(add("a")) == "a"
    assert await names(database) == ["a"]
    assert points == (["before", "before", "after"] if point == "before" else ["before", "after"])
    await database.aclose()


async def test_a_write_that_is_not_waited_for_any_more_is_in_doubt(
    database: PostgresDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on and is committed. What has not begun by then never does, and may be sent again."""
    monkeypatch.setattr("superfacility.adapters.sql.postgresql.database.LONGEST", 0.5)
    go = threading.Event()

    def wait(connection: Connection) -> str:
        assert go.wait(20)
        return add("late")(connection)

    late = asyncio.create_task(database.write(wait))
    await asyncio.sleep(0)
    behind, looking = await asyncio.gather(
        database.write(add("behind")), database.read(lambda _: go.wait(20)), return_exceptions=True
    )
    with pytest.raises(Doubtful, match="look before you try again"):
        await late
    for problem in (behind, looking):
        assert isinstance(problem, Unavailable)
        assert problem.retry_after == 10
    go.set()
    monkeypatch.undo()
    await database.write(add("next"))
    assert await names(database) == ["late", "next"]


async def test_marks_of_commits_do_not_pile_up(url: str) -> None:
    """One for each connection, until it has done nothing for an hour."""
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM commits")
        connection.execute("INSERT INTO commits VALUES ('old', '1', 1)")
    database = PostgresDatabase.open(url)
    for number in range(10):
        await database.write(add(str(number)))
    await database.aclose()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*), bool_and(connection <> 'old') FROM commits").fetchone() == (1, True)


async def test_a_transaction_whose_backend_is_killed_is_made_again(database: PostgresDatabase, url: str) -> None:
    kills = iter([True, True, False])

    def change(connection: Connection) -> None:
        add("a")(connection)
        if next(kills):
            end_others(url)
        add("b")(connection)

    await database.write(change)
    assert await names(database) == ["a", "b"]


async def test_a_failing_change_leaves_nothing(database: PostgresDatabase) -> None:
    def fail(connection: Connection) -> None:
        add("half done")(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    await database.write(add("a"))
    with pytest.raises(Conflict):
        await database.write(add("a"))
    with pytest.raises(InvalidInput):
        await database.write(add("nul \0"))
    with pytest.raises(InvalidInput):
        await database.write(add("\udcff"))
    assert await names(database) == ["a"]


async def test_a_change_that_goes_on_after_a_failed_statement_is_a_defect(database: PostgresDatabase) -> None:
    """PostgreSQL would answer its COMMIT with a silent ROLLBACK."""
    await database.write(add("a"))

    def swallow(connection: Connection) -> None:
        with pytest.raises(Exception, match="duplicate key"):
            add("a")(connection)

    with pytest.raises(AssertionError):
        await database.write(swallow)


async def test_readers_cannot_write(database: PostgresDatabase) -> None:
    with pytest.raises(Unavailable):
        await database.read(add("a"))


async def test_a_reader_sees_one_snapshot(database: PostgresDatabase) -> None:
    await database.write(add("a"))
    begun, go = threading.Event(), threading.Event()
    query = select(counters.c.name).where(counters.c.name.like("test %"))

    def look(connection: Connection) -> list[int]:
        first = len(connection.execute(query).all())
        begun.set()
        assert go.wait(20)
        return [first, len(connection.execute(query).all())]

    looking = asyncio.create_task(database.read(look))
    assert await asyncio.to_thread(begun.wait, 20)
    await database.write(add("b"))
    go.set()
    assert await looking == [1, 1]


async def test_ids_of_changes_that_take_turns_appear_in_order(database: PostgresDatabase, url: str) -> None:
    """Two processes append; whoever reads never sees a number and later a smaller new one."""
    other = PostgresDatabase.open(url)
    entry = AuditEntry(SystemClock().now(), "alice", "x", "y")
    seen: list[int] = []

    def append(connection: Connection) -> None:
        connection.execute(insert(metadata.tables["audit"]).values(_row(entry)))

    async def writer(each: Database) -> None:
        for _ in range(40):
            await each.write(append)

    writing = asyncio.gather(writer(database), writer(other))
    ids = select(metadata.tables["audit"].c.id).order_by(metadata.tables["audit"].c.id)
    while not writing.done():
        now = await database.read(lambda connection: list(connection.scalars(ids)))
        assert now[: len(seen)] == seen
        seen = now
    await writing
    await other.aclose()


def _row(entry: AuditEntry) -> dict[str, Any]:
    return {"at": entry.at, "actor": entry.actor, "action": entry.action, "target": entry.target, "detail": ""}


async def test_a_shared_reading_is_never_older_than_its_asker() -> None:
    readings = 0

    async def read() -> int:
        nonlocal readings
        readings += 1
        mine = readings
        await asyncio.sleep(0.01)
        return mine

    shared = SharedReading(read)
    first = asyncio.create_task(shared.fresh())
    await asyncio.sleep(0.005)
    later = await asyncio.gather(*(shared.fresh() for _ in range(100)))
    assert await first == 1
    assert set(later) == {2}
    assert await shared.fresh() == 3


def test_a_lease_dies_with_its_process(url: str) -> None:
    session = Session(url)
    lease = AdvisoryLease(session, absence=0)
    with subprocess.Popen([sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        assert lease.alive(ONE)
        child.kill()
        child.wait(20)
    end = time.monotonic() + 20
    while lease.alive(ONE):
        assert time.monotonic() < end
        time.sleep(0.01)
    session.close()


async def test_the_living_take_their_leases_again(database: PostgresDatabase, url: str) -> None:
    """All sessions end, as when the server restarts: for a while nobody counts as dead, and then nobody is."""
    other = PostgresDatabase.open(url)
    AdvisoryLease(other.session).hold(ONE)
    lease = AdvisoryLease(database.session)
    assert lease.alive(ONE)
    end_others(url)
    async with asyncio.timeout(20):
        while True:
            try:
                assert await asyncio.to_thread(lease.alive, ONE)
            except Unavailable:
                continue
            if other.session.losses and other.session.holds(lock_number("worker", ONE)):
                break
            await asyncio.sleep(0.01)
    assert await asyncio.to_thread(AdvisoryLease(database.session, absence=0).alive, ONE)
    await other.aclose()


async def test_a_worker_that_lost_its_lease_can_end_nothing_and_takes_nothing_twice(
    database: PostgresDatabase, url: str
) -> None:
    other = PostgresDatabase.open(url)
    mine, theirs = AdvisoryLease(database.session, absence=0), AdvisoryLease(other.session, absence=0)
    here, there = SqlTaskQueue(database, mine, SystemClock()), SqlTaskQueue(other, theirs, SystemClock())
    mine.hold(ONE)
    theirs.hold(TWO)
    now = SystemClock().now()
    task = await here.accept(NewTask(ALICE, "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y"))
    assert [each.id for each in await here.claim(ONE, ["copy"], 1)] == [task.id]
    mine.release(ONE)
    with pytest.raises(Unavailable, match="lost its lease"):
        await here.claim(ONE, ["copy"], 1)
    (taken,) = await there.claim(TWO, ["copy"], 1)
    assert (taken.id, taken.interrupted) == (task.id, True)
    mine.hold(ONE)
    assert await here.finish(ONE, task.id, TaskStatus.COMPLETED, {}) is False
    await other.aclose()


async def test_what_a_worker_still_runs_it_does_not_claim_again(database: PostgresDatabase, url: str) -> None:
    other = PostgresDatabase.open(url)
    mine, theirs = AdvisoryLease(database.session, absence=0), AdvisoryLease(other.session, absence=0)
    here, there = SqlTaskQueue(database, mine, SystemClock()), SqlTaskQueue(other, theirs, SystemClock())
    mine.hold(ONE)
    theirs.hold(TWO)
    now = SystemClock().now()
    task = await here.accept(NewTask(ALICE, "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y"))
    await here.claim(ONE, ["copy"], 1)
    mine.release(ONE)
    await there.claim(TWO, ["copy"], 1)
    await there.hand_back(TWO, task.id)
    mine.hold(ONE)
    assert await here.claim(ONE, ["copy"], 1) == []
    assert await here.finish(ONE, task.id, TaskStatus.COMPLETED, {}) is False
    assert [each.id for each in await here.claim(ONE, ["copy"], 1)] == [task.id]
    await other.aclose()


async def test_an_announcement_wakes_another_process(database: PostgresDatabase, url: str, tmp_path: Path) -> None:
    other = PostgresDatabase.open(url)
    here = SqlTaskQueue(database, AdvisoryLease(database.session), SystemClock())
    there = SqlTaskQueue(other, AdvisoryLease(other.session), SystemClock())

    async def wait_twice() -> None:
        await here.wait(60)
        ready.set()
        await here.wait(60)

    ready = asyncio.Event()
    waiting = asyncio.create_task(wait_twice())
    await ready.wait()
    now = SystemClock().now()
    await there.accept(NewTask(ALICE, "copy", {}, now, "red"), AuditEntry(now, "alice", "x", "y"))
    await asyncio.wait_for(waiting, 20)
    await other.aclose()


async def test_the_check_tells_what_can_be_lost(database: PostgresDatabase) -> None:
    (problem,) = await database.check()
    assert "fsync = off" in problem


def test_a_server_that_is_not_there_is_told_in_its_own_words_when_tables_are_made() -> None:
    with pytest.raises(Unavailable, match=r"postgresql://127\.0\.0\.1\S* cannot be used: .*[Cc]onnection refused"):
        migrate("postgresql://nobody@127.0.0.1:9/nothing")
