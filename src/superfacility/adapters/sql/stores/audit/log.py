"""The audit log: other stores add to it inside their own transactions."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from sqlalchemy import ColumnElement, Connection, insert, or_, select

from superfacility.adapters.sql.engine.database import PROVING_KEY, Database
from superfacility.adapters.sql.tables import audit
from superfacility.facility.audit import AuditEntry, AuditQuery
from superfacility.facility.audit.proofs import entry_proof

FIELDS = ("at", "actor", "action", "target", "client_id", "address", "detail")
_INSERT = insert(audit)


def add_entry(connection: Connection, entry: AuditEntry) -> None:
    """Write a row in the transaction of the change it tells of."""
    kept = replace(
        entry, actor=_printable(entry.actor), target=_printable(entry.target), detail=_printable(entry.detail)
    )
    key = connection.get_execution_options().get(PROVING_KEY)
    row = {name: getattr(kept, name) for name in FIELDS}
    connection.execute(_INSERT, {**row, "proof": None if key is None else entry_proof(key, kept)})


def _printable(text: str) -> str:
    """File names that are not UTF-8 have surrogates, which no database stores; PostgreSQL stores no NUL either."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


class SqlAuditLog:
    """`AuditLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(
        self, *, actor: str | None = None, action: str | None = None, limit: int = 100
    ) -> Sequence[AuditEntry]:
        return await self.search(AuditQuery(actor=actor, action=action, limit=limit))

    async def search(self, query: AuditQuery) -> Sequence[AuditEntry]:
        newest_first = select(*(audit.c[name] for name in FIELDS)).order_by(audit.c.id.desc())
        statement = newest_first.where(*_conditions(query)).limit(query.limit)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [AuditEntry(*row) for row in rows]

    async def append(self, entry: AuditEntry) -> None:
        await self._database.write(lambda connection: add_entry(connection, entry), turn=None)


def _conditions(query: AuditQuery) -> Iterator[ColumnElement[bool]]:
    for name in ("actor", "target", "client_id", "address"):
        if (wanted := getattr(query, name)) is not None:
            yield audit.c[name] == wanted
    if query.action is not None:
        group = query.action.removesuffix("*")
        yield audit.c.action == group if group == query.action else audit.c.action.startswith(group, autoescape=True)
    if query.text is not None:
        yield or_(*(audit.c[name].contains(query.text, autoescape=True) for name in ("target", "detail")))
    if query.since is not None:
        yield audit.c.at >= query.since
    if query.until is not None:
        yield audit.c.at < query.until
