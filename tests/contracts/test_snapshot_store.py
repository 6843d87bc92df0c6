"""The suite of SnapshotStore over both databases and memory."""

from collections.abc import AsyncIterator

import pytest

from superfacility.adapters.sql import Database, Location, SqlEventLog, SqlSnapshotStore, open_database
from superfacility.facility.events import EventLog
from superfacility.facility.snapshots import SnapshotStore
from superfacility.testing.contracts.snapshot_store import SnapshotStoreContract
from superfacility.testing.stores import Memory, MemoryEventLog, MemorySnapshotStore


class TestSqlSnapshotStore(SnapshotStoreContract):
    @pytest.fixture
    def snapshots(self, database: Database) -> SnapshotStore:
        return SqlSnapshotStore(database)

    @pytest.fixture
    async def elsewhere(self, location: Location) -> AsyncIterator[SnapshotStore]:
        database = open_database(location)
        yield SqlSnapshotStore(database)
        await database.aclose()

    @pytest.fixture
    def events(self, database: Database) -> EventLog:
        return SqlEventLog(database)


class TestMemorySnapshotStore(SnapshotStoreContract):
    @pytest.fixture
    def snapshots(self, memory: Memory) -> SnapshotStore:
        return MemorySnapshotStore(memory)

    @pytest.fixture
    def elsewhere(self, memory: Memory) -> SnapshotStore:
        return MemorySnapshotStore(memory)

    @pytest.fixture
    def events(self, memory: Memory) -> EventLog:
        return MemoryEventLog(memory)
