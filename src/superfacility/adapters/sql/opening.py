"""Which database a location means (the path of a SQLite file, or a `postgresql://` URL), and what goes with it.

What is PostgreSQL's is imported only where it is used: without it a command starts sooner.
"""

from collections.abc import Callable
from pathlib import Path

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.sqlite.database import SqliteDatabase
from superfacility.adapters.sql.sqlite.locks import FileLease
from superfacility.adapters.sql.sqlite.named_locks import FileLocks
from superfacility.adapters.sql.sqlite.schema import migrate_file
from superfacility.facility.locks import Locks
from superfacility.tasks.queue import Lease

Location = Path | str
"""A path, or the URL of a PostgreSQL database as libpq reads it."""


def is_server(location: Location) -> bool:
    """Whether it is a URL, and so may be shared by several hosts."""
    return isinstance(location, str) and location.startswith(("postgresql://", "postgres://"))


def open_database(location: Location, *, on_commit: Callable[[str], None] | None = None) -> Database:
    """`NotFound` if there is none, `Unavailable` if its schema is not the one this code needs.

    `on_commit` is called with "before" and "after" around every COMMIT (crash tests hook in there).
    """
    if not is_server(location):
        return SqliteDatabase.open(Path(location), on_commit)
    from superfacility.adapters.sql.postgresql.database import PostgresDatabase

    return PostgresDatabase.open(str(location), on_commit)


def migrate(location: Location, audit_key: bytes | None = None) -> None:
    """Run the migrations that the database lacks. A file is made if there is none; a PostgreSQL database must exist.

    With `audit_key`, what the version before has written to the audit log and not sealed yet is proven to be ours.
    """
    if not is_server(location):
        return migrate_file(Path(location), audit_key)
    from superfacility.adapters.sql.postgresql.schema import migrate_server

    return migrate_server(str(location), audit_key)


def lease_for(database: Database, state: Path) -> Lease:
    """The workers' proof of life: files in `state` on one host, the server's own locks for several."""
    if isinstance(database, SqliteDatabase):
        return FileLease(state / "workers")
    from superfacility.adapters.sql.postgresql.database import PostgresDatabase
    from superfacility.adapters.sql.postgresql.locks import AdvisoryLease

    assert isinstance(database, PostgresDatabase), "there are two"
    return AdvisoryLease(database.session)


def locks_for(database: Database, state: Path) -> Locks:
    """Locks by name among all processes that share the database."""
    if isinstance(database, SqliteDatabase):
        return FileLocks(state / "locks")
    from superfacility.adapters.sql.postgresql.database import PostgresDatabase
    from superfacility.adapters.sql.postgresql.locks import AdvisoryLocks

    assert isinstance(database, PostgresDatabase), "there are two"
    return AdvisoryLocks(database.session)
