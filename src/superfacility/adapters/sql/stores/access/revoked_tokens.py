"""Access tokens that are wanted no more."""

from datetime import datetime

from sqlalchemy import Connection, delete, select

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.access.clients import GENERATION
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import revoked_tokens
from superfacility.facility.audit import AuditEntry
from superfacility.oauth.clients import ClientId

_kept = revoked_tokens.c
_REVOKE = insert_ignoring(revoked_tokens)


class SqlRevokedTokens:
    """`RevokedTokens` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def revoke(self, client_id: ClientId, jti: str, expires_at: datetime, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            row = {"client_id": client_id, "jti": jti, "expires_at": expires_at}
            if connection.execute(_REVOKE, row).rowcount == 1:
                raise_counter(connection, GENERATION)
                add_entry(connection, audit)

        await self._database.write(change)

    async def of(self, client_id: ClientId) -> frozenset[str]:
        query = select(_kept.jti).where(_kept.client_id == client_id)
        return frozenset(await self._database.read(lambda connection: connection.scalars(query).all()))

    async def forget(self, before: datetime) -> int:
        statement = delete(revoked_tokens).where(_kept.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)
