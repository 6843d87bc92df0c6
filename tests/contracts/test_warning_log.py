"""The suite of warnings about clients that end, over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlClientStore, SqlPeople, SqlWarningLog
from superfacility.facility.people import People
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.registration.warnings import WarningLog
from superfacility.testing.contracts.warning_log import WarningLogContract
from superfacility.testing.stores import Memory, MemoryClientStore, MemoryPeople, MemoryWarningLog


class TestSqlWarningLog(WarningLogContract):
    @pytest.fixture
    def notes(self, database: Database) -> WarningLog:
        return SqlWarningLog(database)

    @pytest.fixture
    def clients(self, database: Database) -> ClientStore:
        return SqlClientStore(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)


class TestMemoryWarningLog(WarningLogContract):
    @pytest.fixture
    def notes(self, memory: Memory) -> WarningLog:
        return MemoryWarningLog(memory)

    @pytest.fixture
    def clients(self, memory: Memory) -> ClientStore:
        return MemoryClientStore(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)
