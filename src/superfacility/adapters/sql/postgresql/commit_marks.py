"""Whether a transaction was committed whose connection was lost.

A server that crashed gives the numbers of transactions that it forgot to new ones, so what it says of a number proves
nothing. What does is a row that each transaction writes: its number, under a name that only its connection has.
"""

from typing import Any

from psycopg import errors
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from superfacility.adapters.sql.postgresql.connections import lock_number
from superfacility.adapters.sql.postgresql.faults import original
from superfacility.core.identifiers import new_uuid

CommitMark = tuple[str, str]
"""A connection's name, and the number of a transaction on it."""
_NAME = "commits' name"
_FORGET = "DELETE FROM commits WHERE at < (extract(epoch FROM clock_timestamp()) * 1000000)::bigint - 3600000000"
"""The marks of connections that did nothing for an hour: by now, whoever was in doubt has looked."""
_MARK = """
INSERT INTO commits (connection, number, at)
VALUES ('%s', pg_current_xact_id()::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (connection) DO UPDATE SET number = excluded.number, at = excluded.at RETURNING number
"""
_STATUS = text("SELECT pg_xact_status(CAST(:number AS xid8))")
_MARKED = text("SELECT EXISTS (SELECT FROM commits WHERE connection = :connection AND number = :number)")


def begin_marked(connection: Connection, turn: str | None) -> CommitMark:
    """Begin a transaction that leaves a mark. All of it is one message, which only the simple protocol allows."""
    driver: Any = connection.connection.driver_connection
    if _NAME not in connection.info:
        driver.execute(_FORGET)
        connection.info[_NAME] = new_uuid().hex
    name: str = connection.info[_NAME]
    lock = "" if turn is None else f"SELECT pg_advisory_xact_lock({lock_number('turn', turn)});"
    cursor = driver.execute(f"BEGIN ISOLATION LEVEL READ COMMITTED; {lock} {_MARK % name}")
    while cursor.nextset():
        pass
    (number,) = cursor.fetchone()
    return name, number


def found(connection: Connection, mark: CommitMark) -> bool | None:
    """On another connection: whether it was committed; None while the server may still be about to do so."""
    name, number = mark
    if _under_way(connection, number):
        return None
    # A statement of its own: it sees whatever was committed when the one before found that nothing is under way.
    return bool(connection.scalar(_MARKED, {"connection": name, "number": number}))


def _under_way(connection: Connection, number: str) -> bool:
    try:
        return bool(connection.scalar(_STATUS, {"number": number}) == "in progress")
    except DBAPIError as problem:
        if isinstance(original(problem), errors.InvalidParameterValue):  # forgotten, and not given again so far
            return False
        raise
