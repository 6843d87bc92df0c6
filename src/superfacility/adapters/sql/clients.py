"""Clients and their used assertions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update
from sqlalchemy.dialects.sqlite import insert as insert_or

from superfacility.adapters.sql.audit import add_entry
from superfacility.adapters.sql.connections import PreparedRead
from superfacility.adapters.sql.counters import WatchedCounter, raise_counter
from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.tables import assertions, clients, users
from superfacility.adapters.sql.task_changes import cancel_unstarted
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client, ClientId, ClientKey
from superfacility.oauth.scopes import Scope, SecurityLevel

_BY_ID = PreparedRead(select(clients).where(clients.c.id == bindparam("id")))
_USE = insert_or(assertions).on_conflict_do_nothing()
GENERATION = "clients"
"""The counter that every change of clients raises, and every change of a user (it may have been blocked)."""


class SqlClientStore:
    """`ClientStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._generation = WatchedCounter(database, GENERATION)

    def generation(self) -> int:
        return self._generation.value()

    async def client(self, client_id: ClientId) -> Client | None:
        try:
            row = self._database.glance(_BY_ID, {"id": client_id})
        except InvalidInput:  # an id that is not even text cannot be registered
            return None
        return None if row is None else _client(row)

    async def clients(self, *, user: UserName | None = None) -> Sequence[Client]:
        query = select(clients).order_by(clients.c.created_at.desc(), clients.c.id)
        if user is not None:
            query = query.where(clients.c.user == user)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_client(row) for row in rows]

    async def save(self, client: Client, audit: AuditEntry, *, new: bool = False) -> None:
        row = _row(client)

        def change(connection: Connection) -> None:
            _require_user(connection, client.user)
            known = _exists(connection, client.id)
            if new and known:
                raise Conflict(f"The client id {client.id} is taken: choose another.")
            if not new and not known:
                raise _no_client(client.id)
            statement = insert(clients) if new else update(clients).where(clients.c.id == client.id)
            connection.execute(statement.values(row))
            _conclude(connection, audit)

        await self._database.write(change)

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        statement = update(clients).where(clients.c.id == client_id).values(revoked_at=at)

        def change(connection: Connection) -> None:
            if not connection.execute(statement).rowcount:
                raise _no_client(client_id)
            cancel_unstarted(connection, client_id, at)
            _conclude(connection, audit)

        await self._database.write(change)

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None:
        statement = delete(clients).where(clients.c.id == client_id)

        def change(connection: Connection) -> None:
            if not connection.execute(statement).rowcount:
                raise _no_client(client_id)
            cancel_unstarted(connection, client_id, audit.at)
            _conclude(connection, audit)

        await self._database.write(change)


class SqlAssertionLog:
    """`AssertionLog` over the database: the primary key decides who was first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def use(self, client_id: ClientId, jti: str, expires_at: datetime) -> bool:
        row = {"client_id": client_id, "jti": jti.encode("utf-8", "surrogatepass"), "expires_at": expires_at}
        return await self._database.write(lambda connection: connection.execute(_USE, row).rowcount == 1)

    async def forget(self, before: datetime) -> int:
        statement = delete(assertions).where(assertions.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)


def _conclude(connection: Connection, audit: AuditEntry) -> None:
    raise_counter(connection, GENERATION)
    add_entry(connection, audit)


def _exists(connection: Connection, client_id: ClientId) -> bool:
    return connection.scalar(select(clients.c.id).where(clients.c.id == client_id)) is not None


def _require_user(connection: Connection, name: UserName) -> None:
    if connection.scalar(select(users.c.name).where(users.c.name == name)) is None:
        raise NotFound(f"There is no user {name}: add it first.")


def _no_client(client_id: ClientId) -> NotFound:
    return NotFound(f"There is no client {client_id}.")


def _row(client: Client) -> dict[str, Any]:
    return {
        "id": client.id,
        "user": client.user,
        "name": client.name,
        "level": client.level.label,
        "scopes": sorted(client.scopes),
        "ranges": list(client.ranges),
        "keys": [dict(key.jwk) for key in client.keys],
        "created_at": client.created_at,
        "expires_at": client.expires_at,
        "revoked_at": client.revoked_at,
        "comments": client.comments,
    }


def _client(row: Any) -> Client:
    return Client(
        id=ClientId(row.id),
        user=UserName(row.user),
        name=row.name,
        level=SecurityLevel.from_label(row.level),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        ranges=tuple(row.ranges),
        keys=tuple(ClientKey(jwk) for jwk in row.keys),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        comments=row.comments,
    )
