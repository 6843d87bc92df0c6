"""Who did what, sealed into a chain."""

from sqlalchemy import BigInteger, Column, Index, LargeBinary, String, Table, Text

from superfacility.adapters.sql.columns import Id, UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("client_id", String),
    Column("address", String),
    Column("detail", Text, nullable=False),
    Column("proof", LargeBinary),
    Column("position", BigInteger),
    Column("digest", LargeBinary),
    sqlite_autoincrement=True,
)
Index("ix_audit_position", audit.c.position, unique=True)
unsealed = audit.c.position.is_(None)
Index("ix_audit_unsealed", audit.c.id, sqlite_where=unsealed, postgresql_where=unsealed)

audit_anchor = Table(
    "audit_anchor",
    metadata,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),
    Column("proof", LargeBinary, nullable=False),
)
"""At most one row: where the chain begins since older entries were purged."""
