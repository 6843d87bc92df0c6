"""The suite of Allocations over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAllocations, SqlAuditLog, SqlLedger, SqlPeople
from superfacility.facility.accounting.allocations import Allocations
from superfacility.facility.accounting.charges import Ledger
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.testing.contracts.allocations import AllocationsContract
from superfacility.testing.stores import Memory, MemoryAllocations, MemoryAuditLog, MemoryLedger, MemoryPeople


class TestSqlAllocations(AllocationsContract):
    @pytest.fixture
    def allocations(self, database: Database) -> Allocations:
        return SqlAllocations(database)

    @pytest.fixture
    def ledger(self, database: Database) -> Ledger:
        return SqlLedger(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryAllocations(AllocationsContract):
    @pytest.fixture
    def allocations(self, memory: Memory) -> Allocations:
        return MemoryAllocations(memory)

    @pytest.fixture
    def ledger(self, memory: Memory) -> Ledger:
        return MemoryLedger(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
