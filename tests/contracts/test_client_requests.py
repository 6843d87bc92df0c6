"""The suite of requests for clients over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlClientRequestStore
from superfacility.oauth.registration.requests import ClientRequestStore
from superfacility.testing.contracts.client_requests import ClientRequestStoreContract
from superfacility.testing.stores import Memory, MemoryClientRequestStore


class TestSqlClientRequestStore(OverSql, ClientRequestStoreContract):
    @pytest.fixture
    def requests(self, database: Database) -> ClientRequestStore:
        return SqlClientRequestStore(database)


class TestMemoryClientRequestStore(InMemory, ClientRequestStoreContract):
    @pytest.fixture
    def requests(self, memory: Memory) -> ClientRequestStore:
        return MemoryClientRequestStore(memory)
