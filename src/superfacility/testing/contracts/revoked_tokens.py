"""The suite of `RevokedTokens`. Fixtures to supply: `revoked`, and `clients` and `audit` over the same records."""

from datetime import UTC, datetime, timedelta

from superfacility.facility.audit import AuditEntry, AuditLog
from superfacility.oauth.clients import ClientId, ClientStore
from superfacility.oauth.revoked_tokens import RevokedTokens

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
A, B = ClientId("a"), ClientId("b")
AUDIT = AuditEntry(NOW, "demo1", "tokens.revoke", "1", "a")


class RevokedTokensContract:
    """Subclass it with the fixtures named above."""

    async def test_each_is_its_own_clients(self, revoked: RevokedTokens) -> None:
        await revoked.revoke(A, "1", NOW, AUDIT)
        await revoked.revoke(A, "2", NOW, AUDIT)
        await revoked.revoke(B, "1", NOW, AUDIT)
        assert await revoked.of(A) == {"1", "2"}
        assert await revoked.of(B) == {"1"}
        assert await revoked.of(ClientId("c")) == frozenset()

    async def test_every_process_notices_once(
        self, revoked: RevokedTokens, clients: ClientStore, audit: AuditLog
    ) -> None:
        before = await clients.generation()
        await revoked.revoke(A, "1", NOW, AUDIT)
        after = await clients.generation()
        assert after > before
        await revoked.revoke(A, "1", NOW, AUDIT)
        assert await clients.generation() == after
        assert [each.action for each in await audit.entries()] == ["tokens.revoke"]

    async def test_expired_ones_are_forgotten(self, revoked: RevokedTokens) -> None:
        await revoked.revoke(A, "old", NOW, AUDIT)
        await revoked.revoke(A, "young", NOW + timedelta(minutes=1), AUDIT)
        assert await revoked.forget(NOW + timedelta(seconds=1)) == 1
        assert await revoked.of(A) == {"young"}
