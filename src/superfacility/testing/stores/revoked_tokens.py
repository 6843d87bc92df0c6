"""Access tokens that are wanted no more."""

from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.oauth.clients import ClientId
from superfacility.testing.stores.memory import Memory


class MemoryRevokedTokens:
    """`RevokedTokens` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def revoke(self, client_id: ClientId, jti: str, expires_at: datetime, audit: AuditEntry) -> None:
        if (client_id, jti) not in self._memory.revoked_tokens:
            self._memory.revoked_tokens[client_id, jti] = expires_at
            self._memory.generation += 1
            self._memory.audit.append(audit)

    async def of(self, client_id: ClientId) -> frozenset[str]:
        return frozenset(jti for owner, jti in self._memory.revoked_tokens if owner == client_id)

    async def forget(self, before: datetime) -> int:
        expired = [key for key, expires_at in self._memory.revoked_tokens.items() if expires_at < before]
        for key in expired:
            del self._memory.revoked_tokens[key]
        return len(expired)
