"""The log of events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from superfacility.adapters.sql.engine.alarm import Alarm
from superfacility.adapters.sql.engine.counters import announce
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.tables import events as table
from superfacility.facility.events import Event, EventKind, NewEvent

CHANGED = "events"
PURGE_AT_ONCE = 5000
"""Events deleted in one transaction, so that others need not wait long."""


class SqlEventLog:
    """`EventLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changes = Alarm(database, CHANGED)

    async def append(self, events: Sequence[NewEvent]) -> None:
        if events:
            await self._database.write(lambda connection: append_events(connection, events))
            self._changes.ring()

    async def after(self, event_id: int, *, limit: int = 1000) -> Sequence[Event]:
        query = select(table).where(table.c.id > event_id).order_by(table.c.id).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_event(row) for row in rows]

    async def last_id(self) -> int:
        return await self._one(func.max(table.c.id))

    async def first_id(self) -> int:
        return await self._one(func.min(table.c.id))

    async def wait(self, timeout: float) -> None:
        await self._changes.wait(timeout)

    async def purge(self, before: datetime) -> int:
        dropped, last = 0, PURGE_AT_ONCE
        while last == PURGE_AT_ONCE:
            last = await self._database.write(lambda connection: _purge(connection, before), turn=None)
            dropped += last
        return dropped

    async def _one(self, value: Any) -> int:
        found: int | None = await self._database.read(lambda connection: connection.scalar(select(value)))
        return found or 0


def append_events(connection: Connection, events: Sequence[NewEvent]) -> None:
    """In the transaction of the change that they tell of; it takes its turn with everybody's."""
    connection.execute(insert(table), [_values(each) for each in events])
    announce(connection, CHANGED)


def _purge(connection: Connection, before: datetime) -> int:
    old = select(table.c.id).where(table.c.at < before).order_by(table.c.at).limit(PURGE_AT_ONCE)
    return connection.execute(delete(table).where(table.c.id.in_(old))).rowcount


def _values(event: NewEvent) -> dict[str, Any]:
    return {
        "kind": event.kind.value,
        "at": event.at,
        "subject": event.subject,
        "system": event.system,
        "user": event.user,
        "project": event.project,
        "data": dict(event.data),
    }


def _event(row: Any) -> Event:
    what = NewEvent(EventKind(row.kind), row.at, row.subject, row.system, row.user, row.project, row.data)
    return Event(row.id, what)
