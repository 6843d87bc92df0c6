"""The suite of AssertionLog over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAssertionLog
from superfacility.oauth.clients import AssertionLog
from superfacility.testing.contracts.assertion_log import AssertionLogContract
from superfacility.testing.stores import Memory, MemoryAssertionLog


class TestSqlAssertionLog(AssertionLogContract):
    @pytest.fixture
    def assertions(self, database: Database) -> AssertionLog:
        return SqlAssertionLog(database)


class TestMemoryAssertionLog(AssertionLogContract):
    @pytest.fixture
    def assertions(self, memory: Memory) -> AssertionLog:
        return MemoryAssertionLog(memory)
