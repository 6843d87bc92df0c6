"""The suites of logins over both databases and memory."""

import pytest

from superfacility.adapters.sql import (
    Database,
    SqlAccountStore,
    SqlAttemptLog,
    SqlAuditLog,
    SqlIdentityStore,
    SqlLoginSessionStore,
    SqlPeople,
)
from superfacility.facility.audit import AuditLog
from superfacility.facility.people import People
from superfacility.testing.contracts.login_stores import LoginStores, LoginStoresContract
from superfacility.testing.stores import (
    Memory,
    MemoryAccountStore,
    MemoryAttemptLog,
    MemoryAuditLog,
    MemoryIdentityStore,
    MemoryLoginSessionStore,
    MemoryPeople,
)


class TestSqlLoginStores(LoginStoresContract):
    @pytest.fixture
    def logins(self, database: Database) -> LoginStores:
        stores = (SqlLoginSessionStore, SqlAccountStore, SqlAttemptLog, SqlIdentityStore)
        return LoginStores(*(store(database) for store in stores))

    @pytest.fixture
    def people(self, database: Database) -> People:
        return SqlPeople(database)

    @pytest.fixture
    def audit_log(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryLoginStores(LoginStoresContract):
    @pytest.fixture
    def logins(self, memory: Memory) -> LoginStores:
        stores = (MemoryLoginSessionStore, MemoryAccountStore, MemoryAttemptLog, MemoryIdentityStore)
        return LoginStores(*(store(memory) for store in stores))

    @pytest.fixture
    def people(self, memory: Memory) -> People:
        return MemoryPeople(memory)

    @pytest.fixture
    def audit_log(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
