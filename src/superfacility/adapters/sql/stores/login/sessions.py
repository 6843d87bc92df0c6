"""Sessions of people's browsers."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import login_sessions
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.oauth.logins import LoginSession

_BY_KEY = PreparedRead(select(login_sessions).where(login_sessions.c.key == bindparam("key")))


class SqlLoginSessionStore:
    """`LoginSessionStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def session(self, key: str) -> LoginSession | None:
        row = await self._database.glance(_BY_KEY, {"key": key})
        return None if row is None else _session(row)

    async def begin(self, session: LoginSession, audit: AuditEntry) -> None:
        row = {
            "key": session.key,
            "user": session.user,
            "provider": session.provider,
            "methods": list(session.methods),
            "logged_in_at": session.logged_in_at,
            "seen_at": session.seen_at,
            "expires_at": session.expires_at,
            "upstream_id_token": session.upstream_id_token,
        }

        def change(connection: Connection) -> None:
            connection.execute(insert(login_sessions), row)
            add_entry(connection, audit)

        await self._database.write(change)

    async def see(self, key: str, at: datetime) -> None:
        statement = update(login_sessions).where(login_sessions.c.key == key).values(seen_at=at)
        await self._database.write(lambda connection: connection.execute(statement).close(), turn=None)

    async def end(self, key: str, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if connection.execute(delete(login_sessions).where(login_sessions.c.key == key)).rowcount:
                add_entry(connection, audit)

        await self._database.write(change)

    async def end_all(self, user: UserName, audit: AuditEntry) -> int:
        def change(connection: Connection) -> int:
            add_entry(connection, audit)
            return end_sessions(connection, user)

        return await self._database.write(change)

    async def of(self, user: UserName) -> Sequence[LoginSession]:
        query = select(login_sessions).where(login_sessions.c.user == user)
        query = query.order_by(login_sessions.c.logged_in_at.desc(), login_sessions.c.key)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_session(row) for row in rows]

    async def forget(self, before: datetime) -> int:
        statement = delete(login_sessions).where(login_sessions.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


def end_sessions(connection: Connection, user: UserName) -> int:
    """In the transaction of the change that ends them."""
    return connection.execute(delete(login_sessions).where(login_sessions.c.user == user)).rowcount


def _session(row: Any) -> LoginSession:
    return LoginSession(
        key=row.key,
        user=UserName(row.user),
        provider=row.provider,
        methods=tuple(row.methods),
        logged_in_at=row.logged_in_at,
        seen_at=row.seen_at,
        expires_at=row.expires_at,
        upstream_id_token=row.upstream_id_token,
    )
