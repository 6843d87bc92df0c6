"""The suites of applications and tickets over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlApplicationStore, SqlTicketStore
from superfacility.oauth.applications import ApplicationStore
from superfacility.oauth.provider.tickets import TicketStore
from superfacility.testing.contracts.application_store import ApplicationStoreContract, TicketStoreContract
from superfacility.testing.stores import Memory, MemoryApplicationStore, MemoryTicketStore


class _Sql(OverSql):
    @pytest.fixture
    def applications(self, database: Database) -> ApplicationStore:
        return SqlApplicationStore(database)

    @pytest.fixture
    def tickets(self, database: Database) -> TicketStore:
        return SqlTicketStore(database)


class _InMemory(InMemory):
    @pytest.fixture
    def applications(self, memory: Memory) -> ApplicationStore:
        return MemoryApplicationStore(memory)

    @pytest.fixture
    def tickets(self, memory: Memory) -> TicketStore:
        return MemoryTicketStore(memory)


class TestSqlApplicationStore(_Sql, ApplicationStoreContract): ...


class TestMemoryApplicationStore(_InMemory, ApplicationStoreContract): ...


class TestSqlTicketStore(_Sql, TicketStoreContract): ...


class TestMemoryTicketStore(_InMemory, TicketStoreContract): ...
