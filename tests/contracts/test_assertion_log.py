"""The suite of AssertionLog over SQLite and memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, SqlAssertionLog, migrate
from superfacility.oauth.clients import AssertionLog
from superfacility.testing.contracts.assertion_log import AssertionLogContract
from superfacility.testing.stores import Memory, MemoryAssertionLog


class TestSqlAssertionLog(AssertionLogContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        migrate(tmp_path / "test.db")
        database = Database.open(tmp_path / "test.db")
        yield database
        await database.aclose()

    @pytest.fixture
    def assertions(self, database: Database) -> AssertionLog:
        return SqlAssertionLog(database)


class TestMemoryAssertionLog(AssertionLogContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return Memory()

    @pytest.fixture
    def assertions(self, memory: Memory) -> AssertionLog:
        return MemoryAssertionLog(memory)
