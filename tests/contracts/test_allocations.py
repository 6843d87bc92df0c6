"""The suite of Allocations over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlAllocations, SqlLedger
from superfacility.facility.accounting.allocations import Allocations
from superfacility.facility.accounting.charges import Ledger
from superfacility.testing.contracts.allocations import AllocationsContract
from superfacility.testing.stores import Memory, MemoryAllocations, MemoryLedger


class TestSqlAllocations(OverSql, AllocationsContract):
    @pytest.fixture
    def allocations(self, database: Database) -> Allocations:
        return SqlAllocations(database)

    @pytest.fixture
    def ledger(self, database: Database) -> Ledger:
        return SqlLedger(database)


class TestMemoryAllocations(InMemory, AllocationsContract):
    @pytest.fixture
    def allocations(self, memory: Memory) -> Allocations:
        return MemoryAllocations(memory)

    @pytest.fixture
    def ledger(self, memory: Memory) -> Ledger:
        return MemoryLedger(memory)
