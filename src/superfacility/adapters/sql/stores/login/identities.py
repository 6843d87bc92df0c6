"""Whose the identities at the facility's providers are."""

from sqlalchemy import Connection, delete, insert, select

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import login_identities
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict
from superfacility.facility.people import UserName

_kept = login_identities.c


class SqlIdentityStore:
    """`IdentityStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def owner(self, provider: str, subject: str) -> UserName | None:
        found = await self._database.read(lambda connection: _owner(connection, provider, subject))
        return None if found is None else UserName(found)

    async def subjects(self, provider: str, user: UserName) -> tuple[str, ...]:
        query = select(_kept.subject).where(_kept.provider == provider, _kept.user == user).order_by(_kept.subject)
        return tuple(await self._database.read(lambda connection: connection.scalars(query).all()))

    async def link(self, provider: str, subject: str, user: UserName, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if _owner(connection, provider, subject) is not None:
                raise Conflict("This identity belongs to somebody already.")
            connection.execute(insert(login_identities), {"provider": provider, "subject": subject, "user": user})
            add_entry(connection, audit)

        await self._database.write(change)

    async def unlink(self, user: UserName, audit: AuditEntry) -> int:
        def change(connection: Connection) -> int:
            add_entry(connection, audit)
            return connection.execute(delete(login_identities).where(_kept.user == user)).rowcount

        return await self._database.write(change)


def _owner(connection: Connection, provider: str, subject: str) -> str | None:
    return connection.scalar(select(_kept.user).where(_kept.provider == provider, _kept.subject == subject))
