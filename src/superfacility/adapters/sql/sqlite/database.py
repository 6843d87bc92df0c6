"""The database of one process: a writer, readers, and a connection for glances inside the event loop."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.pool import QueuePool

from superfacility.adapters.sql.engine.counters import READ_COUNTER
from superfacility.adapters.sql.engine.database import EVERYBODY, Database, Value
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.sqlite.commit_mark import hold_mark, release_mark
from superfacility.adapters.sql.sqlite.connections import connect, open_engine
from superfacility.adapters.sql.sqlite.faults import translate
from superfacility.adapters.sql.sqlite.schema import version_of
from superfacility.adapters.sql.sqlite.writer import Writer
from superfacility.adapters.sql.tables import SCHEMA
from superfacility.facility.errors import NotFound, Unavailable

READERS = 4


class SqliteDatabase(Database):
    """Several processes on one host may have it open. Every change takes its turn: SQLite knows no other way."""

    def __init__(self, path: Path, on_commit: Callable[[str], None] | None = None) -> None:
        self.path = path
        self._writer = Writer(path, on_commit)
        self._readers = open_engine(path, read_only=True, pool=QueuePool, pool_size=READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="sql-reader")
        self._glances = connect(path, read_only=True)
        self._glances.execute("SELECT 1 FROM sqlite_master").fetchall()  # a first look makes the WAL index
        self._mark = hold_mark(path)
        self._counters: dict[str, tuple[object, int]] = {}
        self._closed = False

    @classmethod
    def open(cls, path: Path, on_commit: Callable[[str], None] | None = None) -> "SqliteDatabase":
        """`NotFound` if there is none, `Unavailable` if its schema is not the one this code needs."""
        if not path.is_file():
            raise NotFound(
                f"There is no database at {path}: restore it from a backup, or make a new installation with: "
                "sfapi init DIR"
            )
        try:
            found = version_of(path)
        except sqlite3.Error as problem:
            raise translate(problem) from problem
        if found != SCHEMA:
            raise Unavailable(
                f"The database {path} has schema {found}, this version needs {SCHEMA}: run `sfapi migrate`."
            )
        return cls(path, on_commit)

    async def write(self, change: Callable[[Connection], Value], *, turn: str | None = EVERYBODY) -> Value:
        """In the writer's thread; the transaction may have other changes, too."""
        result: Value = await self._writer.write(change)
        return result

    async def read(self, look: Callable[[Connection], Value]) -> Value:
        if self._closed:
            raise Unavailable("The service is stopping: try again in a moment.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, look)

    def _read(self, look: Callable[[Connection], Value]) -> Value:
        try:
            with self._readers.begin() as connection:
                return look(connection)
        except Exception as problem:
            raise translate(problem) from problem

    async def glance(self, statement: PreparedRead, parameters: Mapping[str, Any]) -> Any | None:
        """In the caller's thread: it takes microseconds."""
        return self._glance(statement, parameters)

    def _glance(self, statement: PreparedRead, parameters: Mapping[str, Any]) -> Any | None:
        compiled = statement.sqlite
        try:
            # Everything is fetched: a statement left open would pin an old snapshot.
            rows = self._glances.execute(compiled.sql, parameters).fetchall()
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as problem:
            raise translate(problem) from problem
        return compiled.row(rows[0]) if rows else None

    async def counter(self, name: str) -> int:
        return self.announced(name)

    def announced(self, name: str) -> int:
        """Read again only when some process has committed something."""
        version = self.data_version()
        seen, value = self._counters.get(name, (None, 0))
        if version != seen:
            row = self._glance(READ_COUNTER, {"name": name})
            assert row is not None, "the migrations make every counter"
            value = row.value
            self._counters[name] = version, value
        return value

    def data_version(self) -> object:
        if self._mark is not None:
            return self._mark.read()
        try:
            version: object = self._glances.execute("PRAGMA data_version").fetchall()[0][0]
        except sqlite3.Error as problem:
            raise translate(problem) from problem
        return version

    def prove_with(self, key: bytes) -> None:
        self._writer.prove_with(key)

    async def check(self) -> list[str]:
        try:
            problems = await self.read(_examine)
        except Unavailable:
            problems = [f"{self.path} cannot be read as a database: restore it from a backup."]
        mode = stat.S_IMODE(self.path.stat().st_mode)
        if mode & 0o077:
            problems.append(f"{self.path} can be read by others (mode {mode:04o}): chmod 600 it.")
        return problems

    async def aclose(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.dispose()
        self._glances.close()
        if self._mark is not None:
            release_mark(self._mark)
            self._mark = None


def _examine(connection: Connection) -> list[str]:
    lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    problems = [f"The database is damaged: {line}." for line in lines if line != "ok"]
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return problems + [f"A row of {row[0]} refers to a missing row of {row[2]}." for row in orphans]
