"""Connections to the SQLite file: how each is set up, and statements prepared for reads inside the event loop."""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.pool import Pool

BUSY_TIMEOUT = 5.0
"""Seconds that a connection waits for another process's transaction."""


def connect(path: Path, *, read_only: bool) -> sqlite3.Connection:
    """Autocommit mode: transactions begin where we say so."""
    connection = sqlite3.connect(
        path, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    if read_only:
        connection.execute("PRAGMA query_only = ON")
    return connection


def open_engine(path: Path, *, read_only: bool, pool: type[Pool], **pool_options: Any) -> Engine:
    """An engine whose transactions begin with `BEGIN IMMEDIATE` (writers) or `BEGIN` (readers)."""
    engine = create_engine(
        "sqlite+pysqlite://", creator=lambda: connect(path, read_only=read_only), poolclass=pool, **pool_options
    )
    words = "BEGIN" if read_only else "BEGIN IMMEDIATE"

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql(words)

    return engine


class PreparedRead:
    """A SELECT compiled once. Its rows have attributes named as the columns, of Python's types."""

    def __init__(self, statement: Select[Any]) -> None:
        dialect = sqlite.dialect(paramstyle="named")
        self.sql = str(statement.compile(dialect=dialect))
        columns = list(statement.selected_columns)
        self._row: Any = namedtuple("Row", [column.key for column in columns])  # type: ignore[misc]
        convert = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
        self._convert: list[tuple[int, Callable[[Any], Any]]] = [(i, c) for i, c in enumerate(convert) if c is not None]

    def one(self, connection: sqlite3.Connection, parameters: Mapping[str, Any]) -> Any | None:
        """The only row, or None. Everything is fetched: a statement left open would pin an old snapshot."""
        rows = connection.execute(self.sql, parameters).fetchall()
        if not rows:
            return None
        values = list(rows[0])
        for index, convert in self._convert:
            values[index] = convert(values[index])
        return self._row._make(values)
