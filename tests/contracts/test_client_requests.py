"""The suite of requests for clients over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlClientRequestStore, SqlClientStore, SqlPeople
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.registration.requests import ClientRequestStore
from superfacility.testing.contracts.client_requests import ClientRequestStoreContract
from superfacility.testing.stores import (
    Memory,
    MemoryAuditLog,
    MemoryClientRequestStore,
    MemoryClientStore,
    MemoryPeople,
)


class TestSqlClientRequestStore(ClientRequestStoreContract):
    @pytest.fixture
    def requests(self, database: Database) -> ClientRequestStore:
        return SqlClientRequestStore(database)

    @pytest.fixture
    def clients(self, database: Database) -> ClientStore:
        return SqlClientStore(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryClientRequestStore(ClientRequestStoreContract):
    @pytest.fixture
    def requests(self, memory: Memory) -> ClientRequestStore:
        return MemoryClientRequestStore(memory)

    @pytest.fixture
    def clients(self, memory: Memory) -> ClientStore:
        return MemoryClientStore(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
