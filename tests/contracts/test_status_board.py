"""The suite of StatusBoard over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlStatusBoard
from superfacility.facility.audit import AuditLog
from superfacility.facility.status import StatusBoard
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.status_board import StatusBoardContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryStatusBoard


class TestSqlStatusBoard(StatusBoardContract):
    @pytest.fixture
    def board(self, database: Database, clock: FakeClock) -> StatusBoard:
        return SqlStatusBoard(database, clock)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryStatusBoard(StatusBoardContract):
    @pytest.fixture
    def board(self, memory: Memory, clock: FakeClock) -> StatusBoard:
        return MemoryStatusBoard(memory, clock)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
