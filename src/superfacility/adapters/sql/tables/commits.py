"""What a commit leaves behind itself, so that it can be found after the connection was lost."""

from sqlalchemy import Column, String, Table

from superfacility.adapters.sql.columns import UtcTime
from superfacility.adapters.sql.tables.metadata import metadata

commits = Table(
    "commits",
    metadata,
    Column("connection", String, primary_key=True),
    Column("number", String, nullable=False),
    Column("at", UtcTime, nullable=False),
)
"""The number of the last transaction on each connection to a server; a SQLite file needs none."""
