"""The suite of collaboration accounts over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlCollaborationAccounts
from superfacility.oauth.registration.collaborations import CollaborationAccounts
from superfacility.testing.contracts.collaborations import CollaborationAccountsContract
from superfacility.testing.stores import Memory, MemoryCollaborationAccounts


class TestSqlCollaborationAccounts(OverSql, CollaborationAccountsContract):
    @pytest.fixture
    def accounts(self, database: Database) -> CollaborationAccounts:
        return SqlCollaborationAccounts(database)


class TestMemoryCollaborationAccounts(InMemory, CollaborationAccountsContract):
    @pytest.fixture
    def accounts(self, memory: Memory) -> CollaborationAccounts:
        return MemoryCollaborationAccounts(memory)
