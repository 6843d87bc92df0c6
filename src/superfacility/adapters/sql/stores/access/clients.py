"""Clients and their used assertions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, or_, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.tasks.changes import cancel_unstarted
from superfacility.adapters.sql.tables import assertions, clients, projects, tasks, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, TooMany
from superfacility.facility.people import UserName
from superfacility.oauth.clients import MADE_IN_A_DAY, Client, ClientId, ClientKey
from superfacility.oauth.scopes import Scope, SecurityLevel

_BY_ID = PreparedRead(select(clients).where(clients.c.id == bindparam("id")))
_USE = insert_ignoring(assertions)
GENERATION = "clients"
"""The counter that every change of clients raises, and every change of a user (it may have been blocked)."""


class SqlClientStore:
    """`ClientStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def generation(self) -> int:
        return await self._database.counter(GENERATION)

    async def client(self, client_id: ClientId) -> Client | None:
        try:
            row = await self._database.glance(_BY_ID, {"id": client_id})
        except InvalidInput:  # an id that is not even text cannot be registered
            return None
        return None if row is None else client_of(row)

    async def clients(self, *, user: UserName | None = None, holder: UserName | None = None) -> Sequence[Client]:
        query = select(clients).order_by(clients.c.created_at.desc(), clients.c.id)
        if user is not None:
            query = query.where(clients.c.user == user)
        if holder is not None:
            query = query.where(clients.c.holder == holder)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [client_of(row) for row in rows]

    async def save(
        self,
        client: Client,
        audit: AuditEntry,
        *,
        new: bool = False,
        at_most: int | None = None,
        old: Client | None = None,
    ) -> None:
        def change(connection: Connection) -> None:
            if new:
                add_client(connection, client, at_most, old)
            else:
                _replace(connection, client, at_most, old)
            conclude(connection, audit)

        await self._database.write(change)

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if not _exists(connection, client_id):
                raise _no_client(client_id)
            _revoke(connection, [client_id, *_made_by(connection, client_id)], at)
            conclude(connection, audit)

        await self._database.write(change)

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            _revoke(connection, _made_by(connection, client_id), audit.at)
            if not connection.execute(delete(clients).where(clients.c.id == client_id)).rowcount:
                raise _no_client(client_id)
            cancel_unstarted(connection, audit.at, tasks.c.client_id == client_id)
            conclude(connection, audit)

        await self._database.write(change)


class SqlAssertionLog:
    """`AssertionLog` over the database: the primary key decides who was first."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def use(self, client_id: ClientId, jti: str, expires_at: datetime) -> bool:
        row = {"client_id": client_id, "jti": jti.encode("utf-8", "surrogatepass"), "expires_at": expires_at}
        return await self._database.write(lambda connection: connection.execute(_USE, row).rowcount == 1, turn=None)

    async def forget(self, before: datetime) -> int:
        statement = delete(assertions).where(assertions.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


def conclude(connection: Connection, audit: AuditEntry) -> None:
    """The end of every change of clients."""
    raise_generation(connection)
    add_entry(connection, audit)


def ordered_by(user: UserName) -> ColumnElement[bool]:
    """The tasks of a person, and of the clients in their hands."""
    return or_(tasks.c.owner == user, tasks.c.client_id.in_(select(clients.c.id).where(clients.c.holder == user)))


def raise_generation(connection: Connection) -> None:
    raise_counter(connection, GENERATION)


def add_client(connection: Connection, client: Client, at_most: int | None = None, maker: Client | None = None) -> None:
    """A new one, as `ClientStore.save` says."""
    _require_user(connection, client.user)
    _require_project(connection, client)
    if _exists(connection, client.id):
        raise Conflict(f"The client id {client.id} is taken: choose another.")
    _require_room(connection, client, at_most)
    _require_rest(connection, client, at_most)
    if client.made_by is not None:
        still = connection.execute(select(clients).where(clients.c.id == client.made_by)).one_or_none()
        if still is None or still.revoked_at is not None:
            raise Conflict(f"The client {client.made_by} was revoked: it makes no others.")
        _require_same(still, maker)
    connection.execute(insert(clients).values(_row(client)))


def _replace(connection: Connection, client: Client, at_most: int | None, old: Client | None) -> None:
    _require_user(connection, client.user)
    _require_project(connection, client)
    still = connection.execute(select(clients).where(clients.c.id == client.id)).one_or_none()
    if still is None:
        raise _no_client(client.id)
    if still.revoked_at is not None:
        raise Conflict(f"The client {client.id} was revoked: create a new one instead.")
    _require_same(still, old)
    _require_room(connection, client, at_most)
    connection.execute(update(clients).where(clients.c.id == client.id).values(_row(client)))


def _require_same(still: Any, old: Client | None) -> None:
    if old is not None and client_of(still) != old:
        raise Conflict(f"The client {old.id} was changed meanwhile: look at it, and try again.")


def _require_room(connection: Connection, client: Client, at_most: int | None) -> None:
    """Beside the others that its user has in force when it is made or renewed."""
    since = client.renewed_at or client.created_at
    others = (clients.c.id != client.id, clients.c.user == client.user)
    living = (clients.c.revoked_at.is_(None), clients.c.expires_at > since)
    found = connection.scalar(select(func.count()).select_from(clients).where(*others, *living)) or 0
    if at_most is not None and found >= at_most:
        raise Conflict(f"{client.user} has {at_most} clients: revoke those that are not needed any more.")


def _require_rest(connection: Connection, client: Client, at_most: int | None) -> None:
    today = (clients.c.user == client.user, clients.c.created_at > client.created_at - timedelta(days=1))
    made = connection.scalar(select(func.count()).select_from(clients).where(*today)) or 0
    if at_most is not None and made >= MADE_IN_A_DAY * at_most:
        raise TooMany(f"{made} clients of {client.user} were made within a day: go on tomorrow.", retry_after=3600)


def _made_by(connection: Connection, client_id: ClientId) -> list[ClientId]:
    """Those that it has made, and those that they have."""
    found: list[ClientId] = []
    makers = [client_id]
    while makers:
        rows = connection.execute(select(clients.c.id).where(clients.c.made_by.in_(makers))).all()
        makers = [ClientId(row.id) for row in rows if row.id not in found]
        found += makers
    return found


def _revoke(connection: Connection, ids: Sequence[ClientId], at: datetime) -> None:
    for each in ids:
        still = (clients.c.id == each, clients.c.revoked_at.is_(None))
        connection.execute(update(clients).where(*still).values(revoked_at=at))
        cancel_unstarted(connection, at, tasks.c.client_id == each)


def _require_project(connection: Connection, client: Client) -> None:
    known = select(projects.c.name).where(projects.c.name == client.project)
    if client.project is not None and connection.scalar(known) is None:
        raise NotFound(f"There is no project {client.project}.")


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
        "keys": keys_kept(client.keys),
        "created_at": client.created_at,
        "expires_at": client.expires_at,
        "revoked_at": client.revoked_at,
        "comments": client.comments,
        "project": client.project,
        "globus": client.globus,
        "made_by": client.made_by,
        "renewed_at": client.renewed_at,
        "strict": client.strict,
        "dpop": client.dpop,
        "holder": client.holder,
    }


def keys_kept(keys: Sequence[ClientKey]) -> list[dict[str, Any]]:
    """A key that ends is wrapped, any other is the JWK itself."""
    return [
        dict(key.jwk) if key.until is None else {"jwk": dict(key.jwk), "until": key.until.isoformat()} for key in keys
    ]


def keys_read(kept: Sequence[Mapping[str, Any]]) -> tuple[ClientKey, ...]:
    return tuple(
        ClientKey(key["jwk"], datetime.fromisoformat(key["until"])) if "until" in key else ClientKey(key)
        for key in kept
    )


def client_of(row: Any) -> Client:
    return Client(
        id=ClientId(row.id),
        user=UserName(row.user),
        name=row.name,
        level=SecurityLevel.from_label(row.level),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        ranges=tuple(row.ranges),
        keys=keys_read(row.keys),
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        comments=row.comments,
        project=row.project,
        globus=bool(row.globus),
        made_by=row.made_by,
        renewed_at=row.renewed_at,
        strict=row.strict,
        dpop=row.dpop,
        holder=row.holder,
    )
