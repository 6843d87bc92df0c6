"""The database's own promises: group commit, faults, schema."""

import asyncio
import sqlite3
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, insert, select

from superfacility.adapters.sql import Database, SqlLedger, migrate, open_database
from superfacility.adapters.sql.sqlite.schema import version_of
from superfacility.adapters.sql.sqlite.writer import Writer
from superfacility.adapters.sql.tables import SCHEMA, counters, metadata
from superfacility.facility.errors import Conflict, Doubtful, InvalidInput, NotFound, Unavailable


def add(name: str) -> Callable[[Connection], str]:
    """A change that adds a counter."""

    def change(connection: Connection) -> str:
        connection.execute(insert(counters).values(name=name, value=0))
        return name

    return change


async def names(database: Database) -> set[str]:
    rows = await database.read(lambda connection: connection.scalars(select(counters.c.name)).all())
    return set(rows) - {"commit", "clients", "status", "tasks", "events"}


async def together(database: Database, *changes: Callable[[Connection], Any]) -> list[Any]:
    """Run changes in one transaction: the writer is held up until all are queued."""
    held, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def hold(_: Connection) -> None:
        loop.call_soon_threadsafe(held.set)
        assert go.wait(20)

    first = asyncio.create_task(database.write(hold))
    await held.wait()
    rest = [asyncio.create_task(database.write(change)) for change in changes]
    await asyncio.sleep(0)
    go.set()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


async def test_queued_changes_share_a_commit(path: Path) -> None:
    points: list[str] = []
    database = open_database(path, on_commit=points.append)
    assert await together(database, *(add(f"n{number}") for number in range(50))) == [f"n{n}" for n in range(50)]
    await database.aclose()
    assert points == ["before", "after"]


async def test_a_failing_change_hurts_no_other(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add("half done")(connection)
        raise NotFound("nothing there")

    first, failed, taken, last = await together(database, add("a"), fail, add("a"), add("b"))
    assert (first, last) == ("a", "b")
    assert isinstance(failed, NotFound)
    assert isinstance(taken, Conflict)
    assert await names(database) == {"a", "b"}


async def test_a_defect_comes_back_as_it_is(database: Database) -> None:
    def fail(connection: Connection) -> None:
        add("half done")(connection)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(fail)
    assert await names(database) == set()


async def test_what_returned_is_there_for_everybody(database: Database, path: Path) -> None:
    await database.write(add("a"))
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT value FROM counters WHERE name = 'a'").fetchall() == [(0,)]
    other.close()


async def test_a_change_whose_caller_left_before_it_began_is_not_made(database: Database) -> None:
    started = threading.Event()
    go = threading.Event()

    def hold(_: Connection) -> None:
        started.set()
        assert go.wait(20)

    holding = asyncio.create_task(database.write(hold))
    assert await asyncio.to_thread(started.wait, 20)
    left = asyncio.create_task(database.write(add("left")))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    go.set()
    await holding
    await database.write(add("a"))
    assert await names(database) == {"a"}


@pytest.mark.parametrize(("point", "committed"), [("before", False), ("after", True)])
async def test_a_commit_error_is_looked_up(path: Path, point: str, committed: bool) -> None:
    """An error of COMMIT does not tell whether it happened: the writer reads it again."""
    broken = True

    def on_commit(now: str) -> None:
        nonlocal broken
        if broken and now == point:
            broken = False
            raise sqlite3.OperationalError("disk I/O error")

    database = open_database(path, on_commit=on_commit)
    (outcome,) = await asyncio.gather(database.write(add("a")), return_exceptions=True)
    if committed:
        assert outcome == "a"
    else:
        assert isinstance(outcome, Unavailable)
    assert await names(database) == ({"a"} if committed else set())
    await database.write(add("b"))
    assert "b" in await names(database)
    assert await database.check() == []
    await database.aclose()


async def test_a_commit_that_cannot_be_looked_up_is_in_doubt(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be there, so nobody is told to send it again without a look."""

    def on_commit(now: str) -> None:
        if now == "after":
            gone.setattr(database._writer._engine, "connect", fail)
            raise sqlite3.OperationalError("disk I/O error")

    def fail() -> None:
        raise sqlite3.OperationalError("unable to open database file")

    database = open_database(path, on_commit=on_commit)
    with monkeypatch.context() as gone, pytest.raises(Doubtful, match="look before you try again"):
        await database.write(add("a"))
    assert await names(database) == {"a"}
    await database.aclose()


async def test_a_full_disk_is_unavailable_and_passes(database: Database) -> None:
    def fill(connection: Connection) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count = 1")  # no more than there are
        for number in range(10_000):
            add(f"{number:0500d}")(connection)

    with pytest.raises(Unavailable, match="disk space"):
        await database.write(fill)
    await database.write(lambda connection: connection.exec_driver_sql("PRAGMA max_page_count = 1000000").close())
    await database.write(add("a"))
    assert await names(database) == {"a"}
    assert await database.check() == []


async def test_a_read_only_database_is_unavailable_and_passes(database: Database) -> None:
    driver: Any = database._writer._engine.raw_connection().driver_connection
    driver.execute("PRAGMA query_only = ON")
    with pytest.raises(Unavailable):
        await database.write(add("a"))
    assert await names(database) == set()
    driver.execute("PRAGMA query_only = OFF")
    await database.write(add("a"))
    assert await names(database) == {"a"}


async def test_a_database_that_another_process_holds_is_unavailable(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("superfacility.adapters.sql.sqlite.connections.BUSY_TIMEOUT", 0.05)
    database = open_database(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(Unavailable) as caught:
        await database.write(add("a"))
    assert caught.value.retry_after == 1
    assert await names(database) == set()
    other.execute("ROLLBACK")
    other.close()
    await database.write(add("a"))
    await database.aclose()


async def test_readers_do_not_wait_for_a_writer(database: Database) -> None:
    started, go = threading.Event(), threading.Event()

    def hold(connection: Connection) -> None:
        add("a")(connection)
        started.set()
        assert go.wait(20)

    writing = asyncio.create_task(database.write(hold))
    assert await asyncio.to_thread(started.wait, 20)
    assert await names(database) == set()
    go.set()
    await writing
    assert await names(database) == {"a"}


async def test_text_that_is_no_unicode_is_invalid_input(database: Database) -> None:
    with pytest.raises(InvalidInput):
        await database.write(add("\udcff"))
    with pytest.raises(InvalidInput):
        await database.read(lambda connection: connection.scalar(select(counters).where(counters.c.name == "\udcff")))


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(Unavailable):
        await database.read(add("a"))


async def test_the_data_version_tells_of_other_connections(database: Database, path: Path) -> None:
    before = database.data_version()
    assert database.data_version() == before
    await database.write(add("a"))
    here = database.data_version()
    assert here != before
    other = open_database(path)
    await other.write(add("b"))
    assert database.data_version() != here
    await other.aclose()


async def test_a_damaged_file_is_told(path: Path) -> None:
    database = open_database(path)
    await SqlLedger(database).usage()
    await database.aclose()
    with path.open("r+b") as file:
        file.seek(4096 * 3)
        file.write(b"\xa5" * 4096 * 4)
    database = open_database(path)
    assert await database.check() != []
    await database.aclose()


def test_a_file_that_is_no_database_is_told_when_it_is_opened(path: Path) -> None:
    path.write_bytes(b"\xa5" * 5000)
    with pytest.raises(Unavailable, match="damaged: staff must restore it from a backup"):
        open_database(path)


async def test_a_file_that_others_can_read_is_told(database: Database, path: Path) -> None:
    await asyncio.to_thread(path.chmod, 0o640)
    (problem,) = await database.check()
    assert "chmod 600" in problem


def test_the_file_is_its_owners_alone(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_the_files_beside_it_too(database: Database, path: Path) -> None:
    await database.write(add("a"))
    for beside in path.parent.glob("test.db-*"):
        assert stat.S_IMODE(beside.stat().st_mode) == 0o600, beside


def test_migrations_build_the_tables(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()
    assert version_of(path) == SCHEMA


async def test_migrating_again_changes_nothing(database: Database, path: Path) -> None:
    await database.write(add("a"))
    migrate(path)
    assert await names(database) == {"a"}


def test_a_missing_or_foreign_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="sfapi init"):
        open_database(tmp_path / "none.db")
    (tmp_path / "empty.db").touch()
    with pytest.raises(Unavailable, match="migrate"):
        open_database(tmp_path / "empty.db")
    (tmp_path / "text.db").write_text("hello " * 1000)
    with pytest.raises(Unavailable):
        open_database(tmp_path / "text.db")
    with pytest.raises(Unavailable):
        migrate(tmp_path / "text.db")


async def test_settings_of_the_connections(database: Database) -> None:
    def look(connection: Connection) -> list[Any]:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]

    assert await database.write(look) == ["wal", 2, 1, 5000]


async def test_closing_commits_what_is_queued(path: Path) -> None:
    database = open_database(path)
    writes = [asyncio.create_task(database.write(add(f"n{number}"))) for number in range(100)]
    await asyncio.sleep(0)
    await database.aclose()
    await asyncio.gather(*writes)
    assert not [thread for thread in threading.enumerate() if thread.name == "sql-writer" and thread.is_alive()]


async def test_a_loop_that_is_gone_stops_nothing(path: Path) -> None:
    writer = Writer(path, None)

    async def leave() -> None:
        asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)  # type: ignore[union-attr]
        await writer.write(add("a"))

    with pytest.raises(asyncio.CancelledError):
        await asyncio.to_thread(asyncio.run, leave())
    await writer.write(add("b"))
    await asyncio.to_thread(writer.stop)
