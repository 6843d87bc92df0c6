"""The suite of EventLog over both databases and memory."""

from collections.abc import AsyncIterator

import pytest

from superfacility.adapters.sql import Database, Location, SqlEventLog, open_database
from superfacility.facility.events import EventLog
from superfacility.testing.contracts.event_log import EventLogContract
from superfacility.testing.stores import Memory, MemoryEventLog


class TestSqlEventLog(EventLogContract):
    @pytest.fixture
    def events(self, database: Database) -> EventLog:
        return SqlEventLog(database)

    @pytest.fixture
    async def elsewhere(self, location: Location) -> AsyncIterator[EventLog]:
        database = open_database(location)
        yield SqlEventLog(database)
        await database.aclose()


class TestMemoryEventLog(EventLogContract):
    @pytest.fixture
    def events(self, memory: Memory) -> EventLog:
        return MemoryEventLog(memory)

    @pytest.fixture
    def elsewhere(self, memory: Memory) -> EventLog:
        return MemoryEventLog(memory)
