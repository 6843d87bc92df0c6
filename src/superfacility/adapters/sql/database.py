"""The database of one process: a writer, readers, and a connection for glances inside the event loop."""

import asyncio
import sqlite3
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.pool import QueuePool

from superfacility.adapters.sql.connections import PreparedRead, connect, open_engine
from superfacility.adapters.sql.faults import translate
from superfacility.adapters.sql.schema import version_of
from superfacility.adapters.sql.tables import SCHEMA
from superfacility.adapters.sql.writer import Writer
from superfacility.facility.errors import NotFound, Unavailable

Value = TypeVar("Value")
READERS = 4


class Database:
    """Open it once per process; several processes on one host may have it open."""

    def __init__(self, path: Path, on_commit: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._writer = Writer(path, on_commit)
        self._readers = open_engine(path, read_only=True, pool=QueuePool, pool_size=READERS)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="sql-reader")
        self._glances = connect(path, read_only=True)
        self._closed = False

    @classmethod
    def open(cls, path: Path, *, on_commit: Callable[[str], None] | None = None) -> "Database":
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

    async def write(self, change: Callable[[Connection], Value]) -> Value:
        """Run `change` in the writer's thread; what this returns from is durable. The change may share its
        transaction with others; what it raises undoes it alone."""
        result: Value = await self._writer.write(change)
        return result

    async def read(self, look: Callable[[Connection], Value]) -> Value:
        """Run `look` in a reader's thread, all of it on one snapshot."""
        if self._closed:
            raise Unavailable("The service is stopping: try again in a moment.")
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, look)

    def _read(self, look: Callable[[Connection], Value]) -> Value:
        try:
            with self._readers.begin() as connection:
                return look(connection)
        except Exception as problem:
            raise translate(problem) from problem

    def glance(self, statement: PreparedRead, parameters: Mapping[str, Any]) -> Any | None:
        """One row by its key, in the caller's thread; for statements of microseconds."""
        try:
            return statement.one(self._glances, parameters)
        except (sqlite3.Error, UnicodeEncodeError, OverflowError) as problem:
            raise translate(problem) from problem

    def data_version(self) -> int:
        """Differs from the last call's value if any process has committed since."""
        try:
            version: int = self._glances.execute("PRAGMA data_version").fetchall()[0][0]
        except sqlite3.Error as problem:
            raise translate(problem) from problem
        return version

    async def check(self) -> list[str]:
        """What is wrong with the file, one sentence each; empty if nothing is."""
        try:
            problems = await self.read(_examine)
        except Unavailable:
            problems = [f"{self._path} cannot be read as a database: restore it from a backup."]
        mode = stat.S_IMODE(self._path.stat().st_mode)
        if mode & 0o077:
            problems.append(f"{self._path} can be read by others (mode {mode:04o}): chmod 600 it.")
        return problems

    async def aclose(self) -> None:
        self._closed = True
        await asyncio.to_thread(self._writer.stop)
        await asyncio.to_thread(self._threads.shutdown)
        self._readers.dispose()
        self._glances.close()


def _examine(connection: Connection) -> list[str]:
    lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    problems = [f"The database is damaged: {line}." for line in lines if line != "ok"]
    orphans = connection.exec_driver_sql("PRAGMA foreign_key_check")
    return problems + [f"A row of {row[0]} refers to a missing row of {row[2]}." for row in orphans]
