"""Applications and grants."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.stores.access.application_rows import (
    application_of,
    application_row,
    grant_of,
    grant_row,
)
from superfacility.adapters.sql.stores.access.clients import GENERATION
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.tasks.changes import cancel_unstarted
from superfacility.adapters.sql.tables import applications, grants, projects, tasks, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Application, Grant, GrantId, check_name_free
from superfacility.oauth.clients import ClientId

_APPLICATION = PreparedRead(select(applications).where(applications.c.id == bindparam("id")))
_LIVING = select(applications.c.id, applications.c.name).where(applications.c.revoked_at.is_(None))
_GRANT = PreparedRead(select(grants).where(grants.c.id == bindparam("id")))


class SqlApplicationStore:
    """`ApplicationStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def application(self, application_id: ClientId) -> Application | None:
        row = await self._glance(_APPLICATION, application_id)
        return None if row is None else application_of(row)

    async def applications(self, *, owner: UserName | None = None) -> Sequence[Application]:
        query = select(applications).order_by(applications.c.created_at.desc(), applications.c.id)
        if owner is not None:
            query = query.where(applications.c.owner == owner)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [application_of(row) for row in rows]

    async def save(
        self, application: Application, audit: AuditEntry, *, new: bool = False, old: Application | None = None
    ) -> None:
        row = application_row(application)

        def change(connection: Connection) -> None:
            raise_counter(connection, GENERATION)  # one at a time from here on
            _require_owner(connection, row)
            known = connection.execute(select(applications).where(applications.c.id == application.id)).one_or_none()
            if new and known is not None:
                raise Conflict(f"The application id {application.id} is taken: choose another.")
            if not new and known is None:
                raise NotFound(f"There is no application {application.id}.")
            if old is not None and application_of(known) != old:
                raise Conflict(f"The application {application.id} was changed meanwhile: look at it, and try again.")
            if known is None or known.name != application.name:
                check_name_free(application, [(each.id, each.name) for each in connection.execute(_LIVING)])
            statement = insert(applications) if new else update(applications).where(applications.c.id == application.id)
            connection.execute(statement.values(row))
            if application.revoked_at is not None:
                _revoke(connection, grants.c.application == application.id, application.revoked_at)
            add_entry(connection, audit)

        await self._database.write(change)

    async def grant(self, grant_id: GrantId) -> Grant | None:
        row = await self._glance(_GRANT, grant_id)
        return None if row is None else grant_of(row)

    async def grants(self, *, user: UserName) -> Sequence[Grant]:
        query = (
            select(grants)
            .where(grants.c.user == user, grants.c.revoked_at.is_(None))
            .order_by(grants.c.created_at.desc(), grants.c.id)
        )
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [grant_of(row) for row in rows]

    async def allow(self, grant: Grant, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            add_grant(connection, grant)
            _conclude(connection, audit)

        await self._database.write(change)

    async def revoke_grant(self, grant_id: GrantId, at: datetime, audit: AuditEntry) -> bool:
        def change(connection: Connection) -> bool:
            revoked = _revoke(connection, grants.c.id == grant_id, at)
            if revoked:
                _conclude(connection, audit)
            return revoked > 0

        return await self._database.write(change)

    async def end_session(self, session: str, at: datetime, audit: AuditEntry) -> int:
        def change(connection: Connection) -> int:
            found = connection.execute(select(grants).where(grants.c.session == session, grants.c.revoked_at.is_(None)))
            ids = [row.id for row in found.all() if not grant_of(row).offline]
            revoked = _revoke(connection, grants.c.id.in_(ids), at)
            if revoked:
                _conclude(connection, audit)
            return revoked

        return await self._database.write(change)

    async def forget_grants(self, before: datetime) -> int:
        statement = delete(grants).where(grants.c.expires_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def _glance(self, statement: PreparedRead, key: str) -> Any | None:
        try:
            return await self._database.glance(statement, {"id": key})
        except InvalidInput:  # an id that is not even text is nobody's
            return None


def add_grant(connection: Connection, grant: Grant) -> None:
    """In the transaction of what came with the consent."""
    if connection.scalar(select(users.c.name).where(users.c.name == grant.user)) is None:
        raise NotFound(f"There is no user {grant.user}.")
    connection.execute(insert(grants).values(grant_row(grant)))


def _revoke(connection: Connection, which: Any, at: datetime) -> int:
    """And the waiting tasks of each person and application of which nothing else is left."""
    pair = (grants.c.application, grants.c.user)
    found = connection.execute(select(*pair).where(which, grants.c.revoked_at.is_(None))).all()
    connection.execute(update(grants).where(which, grants.c.revoked_at.is_(None)).values(revoked_at=at))
    for application, user in set(map(tuple, found)):
        left = select(grants.c.id).where(
            pair[0] == application, pair[1] == user, grants.c.revoked_at.is_(None), grants.c.expires_at > at
        )
        if connection.execute(left.limit(1)).first() is None:
            cancel_unstarted(connection, at, tasks.c.client_id == application, tasks.c.owner == user)
    return len(found)


def _conclude(connection: Connection, audit: AuditEntry) -> None:
    raise_counter(connection, GENERATION)
    add_entry(connection, audit)


def _require_owner(connection: Connection, row: Mapping[str, Any]) -> None:
    if connection.scalar(select(users.c.name).where(users.c.name == row["owner"])) is None:
        raise NotFound(f"There is no user {row['owner']}: add it first.")
    project = row["project"]
    if project is not None and connection.scalar(select(projects.c.name).where(projects.c.name == project)) is None:
        raise NotFound(f"There is no project {project}: add it first.")
