"""The suite of RevokedTokens over both databases and memory."""

import pytest
from tests.contracts.around import InMemory, OverSql

from superfacility.adapters.sql import Database, SqlAuditLog, SqlRevokedTokens
from superfacility.facility.audit import AuditLog
from superfacility.oauth.revoked_tokens import RevokedTokens
from superfacility.testing.contracts.revoked_tokens import RevokedTokensContract
from superfacility.testing.stores import Memory, MemoryAuditLog, MemoryRevokedTokens


class TestSqlRevokedTokens(OverSql, RevokedTokensContract):
    @pytest.fixture
    def revoked(self, database: Database) -> RevokedTokens:
        return SqlRevokedTokens(database)

    @pytest.fixture
    def audit(self, database: Database) -> AuditLog:
        return SqlAuditLog(database)


class TestMemoryRevokedTokens(InMemory, RevokedTokensContract):
    @pytest.fixture
    def revoked(self, memory: Memory) -> RevokedTokens:
        return MemoryRevokedTokens(memory)

    @pytest.fixture
    def audit(self, memory: Memory) -> AuditLog:
        return MemoryAuditLog(memory)
