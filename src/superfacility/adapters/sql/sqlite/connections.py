"""Connections to the SQLite file: how each is set up."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
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
