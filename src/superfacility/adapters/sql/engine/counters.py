"""Numbers that grow with every change of one kind, announcements of changes, and what may be remembered meanwhile."""

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.tables import counters

READ_COUNTER = PreparedRead(select(counters.c.value).where(counters.c.name == bindparam("name")))
_RAISE = update(counters).where(counters.c.name == bindparam("counter")).values(value=counters.c.value + 1)
ANNOUNCED = "announced"
"""Where a PostgreSQL connection keeps the names to announce once its transaction is committed."""


def raise_counter(connection: Connection, name: str) -> None:
    """In the transaction of the change that it tells of; that change takes its turn with everybody's."""
    connection.execute(_RAISE, {"counter": name})


def announce(connection: Connection, name: str) -> None:
    """Wake who waits for changes of this kind, in every process, once this transaction is committed."""
    if connection.dialect.name == "sqlite":
        raise_counter(connection, name)
    else:  # a row that every transaction changes would make them all wait for each other
        connection.info.setdefault(ANNOUNCED, set()).add(name)


class Remembered:
    """What was read from the database, for as long as no process commits anything: polls repeat themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: object | None = None
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any | None:
        version = self._database.data_version()
        if version is None or version != self._version:
            self._values.clear()
            self._version = version
        return self._values.get(key)

    def keep(self, key: str, value: Any) -> None:
        """What was read after `get` has missed it, in the same turn of the event loop."""
        if self._version is not None:
            self._values[key] = value
