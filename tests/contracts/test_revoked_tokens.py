"""The suite of RevokedTokens over both databases and memory."""

import pytest

from superfacility.adapters.sql import Database, SqlAuditLog, SqlClientStore, SqlRevokedTokens
from superfacility.facility.audit import AuditLog
from superfacility.oauth.clients import ClientStore
from superfacility.oauth.revoked_tokens import RevokedTokens
from superfacility.testing.contracts.revoked_tokens import RevokedTokensContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryClientStore, MemoryRevokedTokens


class TestSqlRevokedTokens(RevokedTokensContract):
    @pytest.fixture
    def revoked(self, database: Database) -> RevokedTokens:
        return SqlRevokedTokens(database)

    @pytest.fixture
    def clients(self, database: Database) -> ClientStore:
        return SqlClientStore(database)

    @pytest.fixture
    def audit(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryRevokedTokens(RevokedTokensContract):
    @pytest.fixture
    def revoked(self, memory: Memory) -> RevokedTokens:
        return MemoryRevokedTokens(memory)

    @pytest.fixture
    def clients(self, memory: Memory) -> ClientStore:
        return MemoryClientStore(memory)

    @pytest.fixture
    def audit(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
