"""The suite of People over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlPeople
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.testing.contracts.people import PeopleContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryPeople


class TestSqlPeople(PeopleContract):
    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryPeople(PeopleContract):
    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
