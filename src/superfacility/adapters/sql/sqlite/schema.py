"""Bringing a database file to the schema of this code."""

import os
import sqlite3
from pathlib import Path

from sqlalchemy.pool import StaticPool

from superfacility.adapters.sql.migrations.run import bring_up
from superfacility.adapters.sql.sqlite.connections import open_engine
from superfacility.adapters.sql.sqlite.faults import translate

FILE_MODE = 0o600


def migrate_file(path: Path, audit_key: bytes | None = None) -> None:
    """Make the file if there is none (readable by its owner alone) and run the migrations that it lacks."""
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))
    engine = open_engine(path, read_only=False, pool=StaticPool)
    try:
        with engine.begin() as connection:
            bring_up(connection, audit_key)
    except Exception as problem:
        raise translate(problem) from problem
    finally:
        engine.dispose()


def version_of(path: Path) -> str | None:
    """The migration that a file is at, or None if it never was migrated."""
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    try:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchall()
        rows = connection.execute("SELECT version_num FROM alembic_version").fetchall() if known else []
        return rows[0][0] if rows else None
    finally:
        connection.close()
