"""Which mails about ends of clients have left."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, select

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.access.clients import client_of
from superfacility.adapters.sql.tables import client_warnings, clients
from superfacility.oauth.clients import Client
from superfacility.oauth.registration.warnings import Ending

_TELL = insert_ignoring(client_warnings)


class SqlWarningLog:
    """`WarningLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ending(self, after: datetime, before: datetime) -> Sequence[Ending]:
        query = (
            select(clients)
            .where(clients.c.revoked_at.is_(None), clients.c.expires_at > after, clients.c.expires_at <= before)
            .order_by(clients.c.expires_at, clients.c.id)
        )
        noted = select(client_warnings).where(
            client_warnings.c.expires_at > after, client_warnings.c.expires_at <= before
        )

        def look(connection: Connection) -> Sequence[Ending]:
            told: dict[tuple[str, datetime], set[str]] = {}
            for row in connection.execute(noted):
                told.setdefault((row.client_id, row.expires_at), set()).add(row.notice)
            found = [client_of(row) for row in connection.execute(query)]
            return [Ending(each, frozenset(told.get((each.id, each.expires_at), ()))) for each in found]

        return await self._database.read(look)

    async def record(self, client: Client, notices: Iterable[str]) -> None:
        rows = [{"client_id": client.id, "expires_at": client.expires_at, "notice": notice} for notice in notices]

        def change(connection: Connection) -> None:
            for row in rows:
                connection.execute(_TELL, row)

        await self._database.write(change)

    async def forget(self, before: datetime) -> int:
        statement = delete(client_warnings).where(client_warnings.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)
