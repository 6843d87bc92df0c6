"""The audit log: other stores add to it inside their own transactions."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.tables import audit
from superfacility.facility.audit import AuditEntry

_FIELDS = ("at", "actor", "action", "target", "client_id", "address", "detail")
_INSERT = insert(audit)


def add_entry(connection: Connection, entry: AuditEntry) -> None:
    """Write a row in the transaction of the change it tells of."""
    connection.execute(
        _INSERT,
        {
            "at": entry.at,
            "actor": _printable(entry.actor),
            "action": entry.action,
            "target": _printable(entry.target),
            "client_id": entry.client_id,
            "address": entry.address,
            "detail": _printable(entry.detail),
        },
    )


def _printable(text: str) -> str:
    """File names that are not UTF-8 have surrogates, which no database stores."""
    return text.encode("utf-8", "backslashreplace").decode()


class SqlAuditLog:
    """`AuditLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(
        self, *, actor: str | None = None, action: str | None = None, limit: int = 100
    ) -> Sequence[AuditEntry]:
        query = select(*(audit.c[name] for name in _FIELDS)).order_by(audit.c.id.desc()).limit(limit)
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if action is not None:
            query = query.where(audit.c.action == action)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [AuditEntry(*row) for row in rows]

    async def append(self, entry: AuditEntry) -> None:
        await self._database.write(lambda connection: add_entry(connection, entry))

    async def purge(self, before: datetime) -> int:
        """Drop entries older than `before`; returns how many."""
        statement = delete(audit).where(audit.c.at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount)
