"""The suite of StatusBoard over SQLite and memory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlStatusBoard, migrate
from superfacility.facility.audit import AuditLog
from superfacility.facility.status import StatusBoard
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.status_board import StatusBoardContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryStatusBoard


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestSqlStatusBoard(StatusBoardContract):
    @pytest.fixture
    async def database(self, tmp_path: Path) -> AsyncIterator[Database]:
        migrate(tmp_path / "test.db")
        database = Database.open(tmp_path / "test.db")
        yield database
        await database.aclose()

    @pytest.fixture
    def board(self, database: Database, clock: FakeClock) -> StatusBoard:
        return SqlStatusBoard(database, clock)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryStatusBoard(StatusBoardContract):
    @pytest.fixture
    def memory(self) -> Memory:
        return Memory()

    @pytest.fixture
    def board(self, memory: Memory, clock: FakeClock) -> StatusBoard:
        return MemoryStatusBoard(memory, clock)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
