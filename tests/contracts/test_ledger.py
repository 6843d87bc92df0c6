"""The suite of Ledger over SQLite and memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, SqlLedger, migrate
from superfacility.facility.charges import Ledger
from superfacility.testing.contracts.ledger import LedgerContract
from superfacility.testing.stores import Memory, MemoryLedger


class TestSqlLedger(LedgerContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        migrate(tmp_path / "test.db")
        database = Database.open(tmp_path / "test.db")
        yield database
        await database.aclose()

    @pytest.fixture
    def ledger(self, database: Database) -> Ledger:
        return SqlLedger(database)


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return Memory()

    @pytest.fixture
    def ledger(self, memory: Memory) -> Ledger:
        return MemoryLedger(memory)
