"""The suites of applications and tickets over both databases and memory."""

import pytest

from superfacility.adapters.sql import (
    Database,
    SqlApplicationStore,
    SqlAuditLog,
    SqlClientStore,
    SqlPeople,
    SqlTaskQueue,
    SqlTicketStore,
)
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.oauth.applications import ApplicationStore
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.provider.tickets import TicketStore
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.application_store import ApplicationStoreContract, TicketStoreContract
from superfacility.testing.stores import (
    Memory,
    MemoryApplicationStore,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryLease,
    MemoryPeople,
    MemoryTaskQueue,
    MemoryTicketStore,
)


class _Sql:
    @pytest.fixture
    def applications(self, database: Database) -> ApplicationStore:
        return SqlApplicationStore(database)

    @pytest.fixture
    def tickets(self, database: Database) -> TicketStore:
        return SqlTicketStore(database)

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


class _InMemory:
    @pytest.fixture
    def applications(self, memory: Memory) -> ApplicationStore:
        return MemoryApplicationStore(memory)

    @pytest.fixture
    def tickets(self, memory: Memory) -> TicketStore:
        return MemoryTicketStore(memory)

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


class TestSqlApplicationStore(_Sql, ApplicationStoreContract): ...


class TestMemoryApplicationStore(_InMemory, ApplicationStoreContract): ...


class TestSqlTicketStore(_Sql, TicketStoreContract): ...


class TestMemoryTicketStore(_InMemory, TicketStoreContract): ...
