"""Statements that the databases spell alike but SQLAlchemy does not."""

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql import Insert, insert


def insert_ignoring(table: Table) -> Insert:
    """Insert unless the row's key is there already; `rowcount` tells. Both databases say `ON CONFLICT DO NOTHING`."""
    return insert(table).on_conflict_do_nothing().execution_options(preserve_rowcount=True)
