"""The database of one process: threads that make transactions, what others announce, and the session of its locks."""

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any

from sqlalchemy import Connection, select

from superfacility.adapters.sql.engine.database import DOUBT, EVERYBODY, PROVING_KEY, Database, Value
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.postgresql.announcements import Announcements
from superfacility.adapters.sql.postgresql.connections import describe, open_engine
from superfacility.adapters.sql.postgresql.readings import SharedReading
from superfacility.adapters.sql.postgresql.schema import require_schema
from superfacility.adapters.sql.postgresql.session import Session
from superfacility.adapters.sql.postgresql.transactions import Transactions
from superfacility.adapters.sql.tables import counters
from superfacility.facility.errors import Doubtful, Unavailable

WRITERS, READERS, GLANCERS = 4, 4, 3
_COUNTERS = select(counters.c.name, counters.c.value)
LONGEST = 45.0
"""Seconds after which a caller is told, though the server may still do what it was asked."""
_SILENT = "The service's database does not answer: try again later, and tell staff if it lasts."
_SAFE = ("fsync", "full_page_writes", "synchronous_commit")


class _Late(Unavailable):
    """It has begun and is not waited for any more: it may still come to its end."""


class PostgresDatabase(Database):
    """At most `WRITERS + 1 + READERS + GLANCERS + 3` connections, opened as they are needed."""

    def __init__(self, url: str, on_commit: Callable[[str], None] | None = None) -> None:
        self.url = url
        self._engine = open_engine(url, WRITERS + 1 + READERS + GLANCERS)
        self._transactions = Transactions(self._engine, on_commit)
        self._announcements = Announcements(url)
        self._writers = ThreadPoolExecutor(WRITERS, thread_name_prefix="sql-writer")
        # Changes that take turns wait for each other here, not in the server, where they would keep all writers busy.
        self._in_turn = ThreadPoolExecutor(1, thread_name_prefix="sql-turn")
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="sql-reader")
        self._glancers = ThreadPoolExecutor(GLANCERS, thread_name_prefix="sql-glancer")
        self._counters = SharedReading(self._read_counters)
        self._closed = False

    @classmethod
    def open(cls, url: str, on_commit: Callable[[str], None] | None = None) -> "PostgresDatabase":
        """`Unavailable` if it does not answer, or its schema is not the one this code needs."""
        require_schema(url)
        return cls(url, on_commit)

    @cached_property
    def session(self) -> Session:
        """What holds this process's leases and locks."""
        return Session(self.url)

    async def write(self, change: Callable[[Connection], Value], *, turn: str | None = EVERYBODY) -> Value:
        threads = self._in_turn if turn == EVERYBODY else self._writers
        outcome: tuple[Value, set[str]]
        try:
            outcome = await self._run(threads, self._transactions.write, change, turn)
        except _Late as late:
            raise Doubtful(DOUBT) from late
        value, names = outcome
        self._announcements.tell(names)
        return value

    async def read(self, look: Callable[[Connection], Value]) -> Value:
        return await self._run(self._readers, self._transactions.read, look)

    async def glance(self, statement: PreparedRead, parameters: Mapping[str, Any]) -> Any | None:
        return await self._run(self._glancers, self._transactions.glance, statement, parameters)

    async def _run(self, threads: ThreadPoolExecutor, step: Callable[..., Value], *arguments: Any) -> Value:
        if self._closed:
            raise Unavailable("The service is stopping: try again in a moment.")
        running = threads.submit(step, *arguments)
        try:
            async with asyncio.timeout(LONGEST):
                return await asyncio.wrap_future(running)
        except TimeoutError:
            problem = Unavailable if running.cancel() else _Late
            raise problem(_SILENT, retry_after=10) from None

    async def counter(self, name: str) -> int:
        return (await self._counters.fresh())[name]

    async def _read_counters(self) -> Mapping[str, int]:
        def look(connection: Connection) -> dict[str, int]:
            return {row.name: row.value for row in connection.execute(_COUNTERS)}

        return await self._run(self._glancers, self._transactions.look, look)

    def announced(self, name: str) -> int:
        return self._announcements.count(name)

    def listen(self, name: str, ring: Callable[[], None]) -> None:
        self._announcements.listen(name, ring)

    def prove_with(self, key: bytes) -> None:
        self._engine.update_execution_options(**{PROVING_KEY: key})

    async def check(self) -> list[str]:
        try:
            return await self.read(_examine)
        except Unavailable as problem:
            return [f"{describe(self.url)}: {problem}"]

    async def aclose(self) -> None:
        self._closed = True
        for threads in (self._in_turn, self._writers, self._readers, self._glancers):
            await asyncio.to_thread(threads.shutdown)
        self._transactions.closing.set()
        await asyncio.to_thread(self._announcements.close)
        if "session" in self.__dict__:
            await asyncio.to_thread(self.session.close)
        self._engine.dispose()


def _examine(connection: Connection) -> list[str]:
    def shown(name: str) -> str:
        return str(connection.exec_driver_sql(f"SHOW {name}").scalar())

    problems = [
        f"The database server runs with {name} = off: what was accepted can be lost."
        for name in _SAFE
        if shown(name) == "off"
    ]
    if (encoding := shown("server_encoding")) != "UTF8":
        problems.append(f"The database has the encoding {encoding}: make it anew with ENCODING 'UTF8'.")
    if shown("transaction_read_only") == "on" and connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        problems.append("The database server is a standby, which only reads: name the primary.")
    return problems
