"""The stores around the one that a suite is about, over both databases and in memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlClientStore, SqlPeople, SqlTaskQueue
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.oauth.clients import ClientStore
from superfacility.tasks.queue import Lease, TaskQueue
from superfacility.testing.clocks import FakeClock
from superfacility.testing.stores import (
    Memory,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryLease,
    MemoryPeople,
    MemoryTaskQueue,
)


class OverSql:
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
    def queue(self, database: Database, lease: Lease, clock: FakeClock) -> TaskQueue:
        return SqlTaskQueue(database, lease, clock)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class InMemory:
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
    def queue(self, memory: Memory, lease: Lease, clock: FakeClock) -> TaskQueue:
        return MemoryTaskQueue(memory, lease, clock)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
