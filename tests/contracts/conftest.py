"""What the suites' implementations are built on: a database in a file, a memory, a clock that stands still."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, migrate
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import Memory


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    migrate(tmp_path / "test.db")
    database = Database.open(tmp_path / "test.db")
    yield database
    await database.aclose()


@pytest.fixture
def memory() -> Memory:
    return Memory()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()
