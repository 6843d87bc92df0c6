"""Numbers that grow with every change of one kind, and are read by every process without waiting."""

from typing import Any

from sqlalchemy import Connection, bindparam, select, update

from superfacility.adapters.sql.connections import PreparedRead
from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.tables import counters

_READ = PreparedRead(select(counters.c.value).where(counters.c.name == bindparam("name")))


def raise_counter(connection: Connection, name: str) -> None:
    """In the transaction of the change that it tells of."""
    connection.execute(update(counters).where(counters.c.name == name).values(value=counters.c.value + 1))


class WatchedCounter:
    """Reads the number again only when some process has committed something."""

    def __init__(self, database: Database, name: str) -> None:
        self._database = database
        self._parameters = {"name": name}
        self._seen: int | None = None
        self._value = 0

    def value(self) -> int:
        version = self._database.data_version()
        if version != self._seen:
            row = self._database.glance(_READ, self._parameters)
            assert row is not None, "the first migration makes every counter"
            self._value = row.value
            self._seen = version
        return self._value


class Remembered:
    """What was read from the database, for as long as no process commits anything: polls repeat themselves."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._version: int | None = None
        self._values: dict[str, Any] = {}

    def get(self, key: str) -> Any | None:
        version = self._database.data_version()
        if version != self._version:
            self._values.clear()
            self._version = version
        return self._values.get(key)

    def keep(self, key: str, value: Any) -> None:
        """What was read after `get` has missed it, in the same turn of the event loop."""
        self._values[key] = value
