"""What was used of daily allowances."""

from sqlalchemy import BigInteger, Column, Date, String, Table, Text

from superfacility.adapters.sql.tables.metadata import metadata

allowances = Table(
    "allowances",
    metadata,
    Column("day", Date, primary_key=True),
    Column("what", String, primary_key=True),
    Column("who", Text, primary_key=True),
    Column("used", BigInteger, nullable=False),
)
