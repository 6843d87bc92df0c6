"""The suite of daily allowances over both databases and memory."""

from collections.abc import AsyncIterator, Sequence

import pytest

from superfacility.adapters.sql import Database, Location, SqlAllowances, SqlAuditLog, open_database
from superfacility.facility.allowances import Allowances
from superfacility.facility.audit import AuditLog
from superfacility.testing.contracts.allowances import AllowancesContract
from superfacility.testing.stores import Memory, MemoryAllowances, MemoryAuditLog


class TestSqlAllowances(AllowancesContract):
    @pytest.fixture
    async def allowances(self, location: Location, database: Database) -> AsyncIterator[Sequence[Allowances]]:
        other = open_database(location)
        yield [SqlAllowances(database), SqlAllowances(other)]
        await other.aclose()

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryAllowances(AllowancesContract):
    @pytest.fixture
    def allowances(self, memory: Memory) -> Sequence[Allowances]:
        store = MemoryAllowances(memory)
        return [store, store]

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
