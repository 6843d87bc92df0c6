"""The suite of collaboration accounts over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlClientStore, SqlCollaborationAccounts, SqlPeople
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.registration.collaborations import CollaborationAccounts
from superfacility.testing.contracts.collaborations import CollaborationAccountsContract
from superfacility.testing.stores import (
    Memory,
    MemoryAuditLog,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryPeople,
)


class TestSqlCollaborationAccounts(CollaborationAccountsContract):
    @pytest.fixture
    def accounts(self, database: Database) -> CollaborationAccounts:
        return SqlCollaborationAccounts(database)

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def clients(self, database: Database) -> ClientStore:
        return SqlClientStore(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryCollaborationAccounts(CollaborationAccountsContract):
    @pytest.fixture
    def accounts(self, memory: Memory) -> CollaborationAccounts:
        return MemoryCollaborationAccounts(memory)

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def clients(self, memory: Memory) -> ClientStore:
        return MemoryClientStore(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
