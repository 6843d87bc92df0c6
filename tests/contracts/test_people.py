"""The suite of People over SQLite and memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlPeople, migrate
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.testing.contracts.people import PeopleContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryPeople


class TestSqlPeople(PeopleContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        migrate(tmp_path / "test.db")
        database = Database.open(tmp_path / "test.db")
        yield database
        await database.aclose()

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryPeople(PeopleContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return Memory()

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
