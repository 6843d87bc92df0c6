"""The client store's suite over both databases and memory."""

import pytest

from superfacility.adapters.sql import (
    Database,
    Location,
    SqlAuditLog,
    SqlClientStore,
    SqlPeople,
    SqlTaskQueue,
    open_database,
)
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.oauth.clients import ClientStore
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.client_store import CLIENT, ID, ClientStoreContract, entry
from superfacility.testing.stores import (
    Memory,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryLease,
    MemoryPeople,
    MemoryTaskQueue,
)


class TestSqlClientStore(ClientStoreContract):
    @pytest.fixture
    def clients(self, database: Database) -> ClientStore:
        return SqlClientStore(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def lease(self, sql_lease: Lease) -> Lease:
        return sql_lease

    @pytest.fixture
    def queue(self, database: Database, lease: Lease) -> TaskQueue:
        return SqlTaskQueue(database, lease, FakeClock())

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)

    async def test_another_process_changes_are_seen_at_once(self, location: Location, clients: ClientStore) -> None:
        """A second Database object has its own connections, as another process has."""
        other = open_database(location)
        try:
            elsewhere = SqlClientStore(other)
            for _ in range(20):
                before = await elsewhere.generation()
                await SqlPeople(other).users()
                await clients.save(CLIENT, entry(), new=await clients.client(ID) is None)
                assert await elsewhere.generation() == before + 1
        finally:
            await other.aclose()


class TestMemoryClientStore(ClientStoreContract):
    @pytest.fixture
    def clients(self, memory: Memory) -> ClientStore:
        return MemoryClientStore(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def lease(self) -> Lease:
        return MemoryLease()

    @pytest.fixture
    def queue(self, memory: Memory, lease: Lease) -> TaskQueue:
        return MemoryTaskQueue(memory, lease, FakeClock())

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
