"""What the suites' implementations are built on: a database (a file, or one on a server), a memory, a clock."""

from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest

from superfacility.adapters.sql import Database, FileLease, Location, locks_for, migrate, open_database
from superfacility.adapters.sql.postgresql.database import PostgresDatabase
from superfacility.adapters.sql.postgresql.locks import AdvisoryLease
from superfacility.adapters.sql.tables import counters, metadata
from superfacility.facility.locks import Locks
from superfacility.tasks.queue import Lease
from superfacility.testing.clocks import FakeClock
from superfacility.testing.postgresql import PostgreSQL
from superfacility.testing.stores import Memory


@pytest.fixture(scope="session")
def server_database(postgresql: PostgreSQL) -> str:
    """A migrated database on the server; each test that asks for a `location` empties it."""
    url = postgresql.new_database()
    migrate(url)
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """A migrated, empty database."""
    if request.param == "sqlite":
        migrate(tmp_path / "test.db")
        return tmp_path / "test.db"
    url: str = request.getfixturevalue("server_database")
    tables = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables if table is not counters)
    with psycopg.connect(url) as connection:
        connection.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    return url


@pytest.fixture
async def database(location: Location) -> AsyncIterator[Database]:
    database = open_database(location)
    yield database
    await database.aclose()


@pytest.fixture
def sql_lease(database: Database, tmp_path: Path) -> Lease:
    """A lease whose dead are noticed at once."""
    if isinstance(database, PostgresDatabase):
        return AdvisoryLease(database.session, absence=0)
    return FileLease(tmp_path / "workers")


@pytest.fixture
async def sql_locks(database: Database, tmp_path: Path) -> AsyncIterator[Locks]:
    locks = locks_for(database, tmp_path)
    yield locks
    await locks.aclose()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
