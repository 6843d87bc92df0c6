"""Transactions in the threads of a pool: begun with one message, tried again when the connection is lost, and looked up
when the answer to COMMIT is."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine

from superfacility.adapters.sql.engine.counters import ANNOUNCED
from superfacility.adapters.sql.engine.database import DOUBT
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.postgresql.commit_marks import CommitMark, begin_marked, found
from superfacility.adapters.sql.postgresql.faults import lost, passes, translate
from superfacility.facility.errors import Doubtful

Value = TypeVar("Value")
PATIENCE = 5.0
"""Seconds during which a lost transaction is tried again."""
PAUSE = 0.1


class Transactions:
    """`on_commit` is called with "before" and "after" around every COMMIT."""

    def __init__(self, engine: Engine, on_commit: Callable[[str], None] | None) -> None:
        self._engine = engine
        self._on_commit = on_commit or (lambda _: None)
        self.closing = threading.Event()

    def write(self, change: Callable[[Connection], Value], turn: str | None) -> tuple[Value, set[str]]:
        """What the change returned, and what it announced."""
        return self._persist(lambda: self._write(change, turn))

    def read(self, look: Callable[[Connection], Value]) -> Value:
        return self._persist(lambda: self._read(look))

    def look(self, look: Callable[[Connection], Value]) -> Value:
        """A single statement, which is its own transaction."""
        return self._persist(lambda: self._look(look))

    def glance(self, statement: PreparedRead, parameters: Any) -> Any | None:
        return self._persist(lambda: self._glance(statement, parameters))

    def _persist(self, step: Callable[[], Value]) -> Value:
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return step()
            except Exception as problem:
                if not passes(problem) or time.monotonic() > deadline or self.closing.wait(PAUSE):
                    raise translate(problem) from problem

    def _write(self, change: Callable[[Connection], Value], turn: str | None) -> tuple[Value, set[str]]:
        with self._engine.connect() as connection, connection.begin() as transaction, _giving_up(connection):
            mark = begin_marked(connection, turn)
            connection.info.pop(ANNOUNCED, None)
            value = change(connection)
            names = connection.info.pop(ANNOUNCED, set())
            status = _driver(connection).info.transaction_status
            assert status is not TransactionStatus.INERROR, "a change ends with the first statement that fails"
            try:
                self._on_commit("before")
                transaction.commit()
                self._on_commit("after")
            except Exception:
                connection.invalidate()
                if not self._committed(mark):
                    raise
            return value, names

    def _committed(self, mark: CommitMark) -> bool:
        """Ask on a new connection what became of the transaction, until that is known."""
        deadline = time.monotonic() + 2 * PATIENCE
        while time.monotonic() < deadline:
            try:
                with self._engine.connect() as connection, _giving_up(connection):
                    committed = found(connection, mark)
            except Exception as problem:
                if not passes(problem):
                    raise Doubtful(DOUBT) from problem
                committed = None
            if committed is not None:
                return committed
            time.sleep(PAUSE)
        raise Doubtful(DOUBT)

    def _read(self, look: Callable[[Connection], Value]) -> Value:
        with self._engine.connect() as connection, connection.begin(), _giving_up(connection):
            _driver(connection).execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            return look(connection)

    def _look(self, look: Callable[[Connection], Value]) -> Value:
        with self._engine.connect() as connection, _giving_up(connection):
            return look(connection)

    def _glance(self, statement: PreparedRead, parameters: Any) -> Any | None:
        compiled = statement.postgresql
        with self._engine.connect() as connection, _giving_up(connection):
            rows = _driver(connection).execute(compiled.sql, parameters).fetchall()
        return compiled.row(rows[0]) if rows else None


@contextmanager
def _giving_up(connection: Connection) -> Iterator[None]:
    """A connection that was lost is not for the pool any more."""
    try:
        yield
    except Exception as problem:
        if lost(problem):
            connection.invalidate()
        raise


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
