"""Bringing a PostgreSQL database to the schema of this code."""

import psycopg
from sqlalchemy import Connection

from superfacility.adapters.sql.migrations.run import bring_up
from superfacility.adapters.sql.postgresql.connections import connect, describe, lock_number, open_engine
from superfacility.adapters.sql.postgresql.faults import original, translate
from superfacility.adapters.sql.tables import SCHEMA
from superfacility.facility.errors import Unavailable


def migrate_server(url: str, audit_key: bytes | None = None) -> None:
    """Run the migrations that the database lacks, in one transaction; two hosts do so one after the other."""
    engine = open_engine(url, 1)
    try:
        with engine.connect().execution_options(isolation_level="READ COMMITTED") as connection:
            _migrate(connection, audit_key)
            connection.commit()
    except Exception as problem:
        raise _told(url, problem) from problem
    finally:
        engine.dispose()


def _migrate(connection: Connection, audit_key: bytes | None) -> None:
    connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
    connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({lock_number('turn', 'migration')})")
    bring_up(connection, audit_key)


def require_schema(url: str) -> None:
    """`Unavailable` if the database has not the schema that this code needs, or does not answer."""
    try:
        with connect(url) as connection:
            known = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
            rows = connection.execute("SELECT version_num FROM alembic_version").fetchall() if known != (None,) else []
    except psycopg.Error as problem:
        raise _told(url, problem) from problem
    found = rows[0][0] if rows else None
    if found != SCHEMA:
        raise Unavailable(
            f"The database {describe(url)} has schema {found}, this version needs {SCHEMA}: run `sfapi migrate`."
        )


def _told(url: str, problem: Exception) -> Exception:
    """At the start the operator reads it, and needs the server's own words; they have no password in them."""
    cause = original(problem)
    if isinstance(cause, psycopg.Error):
        return Unavailable(f"{describe(url)} cannot be used: {' '.join(str(cause).split())}")
    return translate(problem)
