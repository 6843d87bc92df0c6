"""The suite of warnings about clients that end, over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlWarningLog
from superfacility.oauth.registration.warnings import WarningLog
from superfacility.testing.contracts.warning_log import WarningLogContract
from superfacility.testing.stores import Memory, MemoryWarningLog


class TestSqlWarningLog(OverSql, WarningLogContract):
    @pytest.fixture
    def notes(self, database: Database) -> WarningLog:
        return SqlWarningLog(database)


class TestMemoryWarningLog(InMemory, WarningLogContract):
    @pytest.fixture
    def notes(self, memory: Memory) -> WarningLog:
        return MemoryWarningLog(memory)
