"""The suite of StatusBoard over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlStatusBoard
from superfacility.facility.status import StatusBoard
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.status_board import StatusBoardContract
from superfacility.testing.stores import Memory, MemoryStatusBoard


class TestSqlStatusBoard(OverSql, StatusBoardContract):
    @pytest.fixture
    def board(self, database: Database, clock: FakeClock) -> StatusBoard:
        return SqlStatusBoard(database, clock)


class TestMemoryStatusBoard(InMemory, StatusBoardContract):
    @pytest.fixture
    def board(self, memory: Memory, clock: FakeClock) -> StatusBoard:
        return MemoryStatusBoard(memory, clock)
