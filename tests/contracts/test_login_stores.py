"""The suites of logins over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlAccountStore, SqlAttemptLog, SqlIdentityStore, SqlLoginSessionStore
from superfacility.testing.contracts.login_stores import LoginStores, LoginStoresContract
from superfacility.testing.stores import (
    Memory,
    MemoryAccountStore,
    MemoryAttemptLog,
    MemoryIdentityStore,
    MemoryLoginSessionStore,
)


class TestSqlLoginStores(OverSql, LoginStoresContract):
    @pytest.fixture
    def logins(self, database: Database) -> LoginStores:
        stores = (SqlLoginSessionStore, SqlAccountStore, SqlAttemptLog, SqlIdentityStore)
        return LoginStores(*(store(database) for store in stores))


class TestMemoryLoginStores(InMemory, LoginStoresContract):
    @pytest.fixture
    def logins(self, memory: Memory) -> LoginStores:
        stores = (MemoryLoginSessionStore, MemoryAccountStore, MemoryAttemptLog, MemoryIdentityStore)
        return LoginStores(*(store(memory) for store in stores))
