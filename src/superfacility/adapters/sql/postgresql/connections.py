"""Connections to the server: how each is set up, and how much of their address may be told."""

import hashlib
import select
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import QueuePool

_CLIENT: dict[str, Any] = {
    "connect_timeout": 10,
    "keepalives_idle": 3,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "application_name": "superfacility",
}
"""What the URL does not say: a server that has vanished is noticed within ten seconds."""
_SERVER = {
    "client_encoding": "UTF8",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "2",
    "tcp_user_timeout": "10000",
    "idle_in_transaction_session_timeout": "15000",
    "statement_timeout": "30000",
    "lock_timeout": "20000",
}
"""And the server notices as soon that a host has: its locks and transactions end."""


def connect(url: str) -> psycopg.Connection[Any]:
    """In autocommit mode: transactions begin where we say so."""
    given = conninfo_to_dict(url)
    options = " ".join(f"-c {name}={value}" for name, value in _SERVER.items())
    # What the operator wrote comes later, and so counts.
    settings: dict[str, Any] = {**_CLIENT, **given, "options": f"{options} {given.get('options') or ''}"}
    return psycopg.connect(**settings, autocommit=True)


def open_engine(url: str, size: int) -> Engine:
    """Its connections are opened when they are first needed, and never more than `size`."""
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: connect(url),
        poolclass=QueuePool,
        pool_size=size,
        max_overflow=0,
        pool_use_lifo=True,
        isolation_level="AUTOCOMMIT",
    )
    event.listen(engine, "checkout", _refuse_lost)
    return engine


def _refuse_lost(driver: Any, _record: Any, _proxy: Any) -> None:
    """On a connection that idles nothing comes in but its end: no question to the server is needed to notice it."""
    if driver.closed:
        raise DisconnectionError
    poll = select.poll()
    poll.register(driver.fileno(), select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError


def describe(url: str) -> str:
    """The database without user name and password, for people."""
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        return "the PostgreSQL database"
    return f"postgresql://{given.get('host') or ''}/{given.get('dbname') or ''}"


def lock_number(kind: str, name: str) -> int:
    """The number of an advisory lock: 64 bits with a sign, the same on every host."""
    digest = hashlib.sha256(f"superfacility {kind} {name}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], signed=True)
