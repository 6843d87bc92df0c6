"""The suite of Admissions over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAdmissions, SqlAuditLog, SqlPeople
from superfacility.facility.audit import AuditLog
from superfacility.facility.membership.admissions import Admissions
from superfacility.facility.people import People
from superfacility.testing.contracts.admissions import AdmissionsContract
from superfacility.testing.stores import Memory, MemoryAdmissions, MemoryAuditLog, MemoryPeople


class TestSqlAdmissions(AdmissionsContract):
    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def admissions(self, database: Database) -> Admissions:
        return SqlAdmissions(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryAdmissions(AdmissionsContract):
    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def admissions(self, memory: Memory) -> Admissions:
        return MemoryAdmissions(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
