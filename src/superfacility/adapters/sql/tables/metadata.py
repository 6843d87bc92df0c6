"""The registry of all tables, the schema that this code needs, and the counters of changes."""

from sqlalchemy import BigInteger, Column, MetaData, String, Table

SCHEMA = "0018"
"""The migration that this code needs."""

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

counters = Table(
    "counters",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""Numbers that grow with every change of one kind: `clients`, `status`, `tasks`; and `commit`, a mark of the last."""
