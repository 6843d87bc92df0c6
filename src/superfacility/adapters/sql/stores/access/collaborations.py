"""Accounts that several people manage."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.access.clients import GENERATION
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import collaborations, projects, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound
from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.registration.collaborations import CollaborationAccount


class SqlCollaborationAccounts:
    """`CollaborationAccounts` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def account(self, user: UserName) -> CollaborationAccount | None:
        query = select(collaborations).where(collaborations.c.user == user)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else _account(row)

    async def accounts(self) -> Sequence[CollaborationAccount]:
        query = select(collaborations).order_by(collaborations.c.user)
        return [_account(row) for row in await self._database.read(lambda connection: connection.execute(query).all())]

    async def save(self, account: CollaborationAccount, audit: AuditEntry) -> None:
        row = {"user": account.user, "project": account.project, "managers": list(account.managers)}

        def change(connection: Connection) -> None:
            if connection.scalar(select(users.c.name).where(users.c.name == account.user)) is None:
                raise NotFound(f"There is no user {account.user}: add it first.")
            known = select(projects.c.name).where(projects.c.name == account.project)
            if account.project is not None and connection.scalar(known) is None:
                raise NotFound(f"There is no project {account.project}.")
            replaced = update(collaborations).where(collaborations.c.user == account.user).values(row)
            if not connection.execute(replaced).rowcount:
                connection.execute(insert(collaborations).values(row))
            raise_counter(connection, GENERATION)
            add_entry(connection, audit)

        await self._database.write(change)

    async def remove(self, user: UserName, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if not connection.execute(delete(collaborations).where(collaborations.c.user == user)).rowcount:
                raise NotFound(f"{user} is no collaboration account.")
            raise_counter(connection, GENERATION)
            add_entry(connection, audit)

        await self._database.write(change)


def _account(row: Any) -> CollaborationAccount:
    project = None if row.project is None else ProjectName(row.project)
    return CollaborationAccount(UserName(row.user), project, tuple(UserName(each) for each in row.managers))
