"""The suite of Admissions over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlAdmissions
from superfacility.facility.membership.admissions import Admissions
from superfacility.testing.contracts.admissions import AdmissionsContract
from superfacility.testing.stores import Memory, MemoryAdmissions


class TestSqlAdmissions(OverSql, AdmissionsContract):
    @pytest.fixture
    def admissions(self, database: Database) -> Admissions:
        return SqlAdmissions(database)


class TestMemoryAdmissions(InMemory, AdmissionsContract):
    @pytest.fixture
    def admissions(self, memory: Memory) -> Admissions:
        return MemoryAdmissions(memory)
