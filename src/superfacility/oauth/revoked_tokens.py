"""Access tokens of clients that are wanted no more before they expire (RFC 7009)."""

from datetime import datetime
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.oauth.clients import ClientId


class RevokedTokens(Protocol):
    """Remembers them by their `jti` until they expire. A revocation raises the clients' `generation` in its own
    transaction, together with the audit row, so that no process believes the token from its next request on."""

    async def revoke(self, client_id: ClientId, jti: str, expires_at: datetime, audit: AuditEntry) -> None:
        """Twice is as good as once, and leaves one audit row."""

    async def of(self, client_id: ClientId) -> frozenset[str]: ...

    async def forget(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
