"""The suite of Ledger over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlLedger
from superfacility.facility.accounting.charges import Ledger
from superfacility.testing.contracts.ledger import LedgerContract
from superfacility.testing.stores import Memory, MemoryLedger


class TestSqlLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, database: Database) -> Ledger:
        return SqlLedger(database)


class TestMemoryLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, memory: Memory) -> Ledger:
        return MemoryLedger(memory)
