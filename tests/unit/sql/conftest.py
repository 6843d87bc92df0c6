"""A database in a folder of the test's own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, migrate, open_database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A migrated database file."""
    path = tmp_path / "test.db"
    migrate(path)
    return path


@pytest.fixture
async def database(path: Path) -> AsyncIterator[Database]:
    database = open_database(path)
    yield database
    await database.aclose()
