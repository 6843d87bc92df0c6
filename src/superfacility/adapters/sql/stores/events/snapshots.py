"""The last readings of the schedulers."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select, update

from superfacility.adapters.sql.engine.alarm import Alarm
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.stores.events.log import CHANGED, append_events
from superfacility.adapters.sql.tables import snapshots as table
from superfacility.facility.events import NewEvent
from superfacility.facility.snapshots import StoredSnapshot

_HEAD = PreparedRead(
    select(table.c.began_at, table.c.digest).where(
        table.c.system == bindparam("system"), table.c.kind == bindparam("kind")
    )
)


class SqlSnapshotStore:
    """`SnapshotStore` over the database. A payload that has not changed is neither written nor read again."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._events = Alarm(database, CHANGED)
        self._payloads: dict[tuple[str, str], tuple[str, bytes]] = {}

    async def publish(
        self, snapshot: StoredSnapshot, *, replacing: datetime | None, events: Sequence[NewEvent] = ()
    ) -> bool:
        digest = blake2b(snapshot.payload, digest_size=16).hexdigest()

        def change(connection: Connection) -> bool:
            if not _replace(connection, snapshot, digest, replacing):
                return False
            if events:
                append_events(connection, events)
            return True

        kept = await self._database.write(change)
        if kept:
            self._payloads[snapshot.system, snapshot.kind] = (digest, snapshot.payload)
            if events:
                self._events.ring()
        return kept

    async def latest(self, system: str, kind: str, *, newer_than: datetime | None = None) -> StoredSnapshot | None:
        head = await self._database.glance(_HEAD, {"system": system, "kind": kind})
        if head is None or (newer_than is not None and head.began_at <= newer_than):
            return None
        digest, payload = self._payloads.get((system, kind), ("", b""))
        if digest == head.digest:
            return StoredSnapshot(system, kind, head.began_at, payload)
        query = select(table).where(table.c.system == system, table.c.kind == kind)
        row: Any = await self._database.read(lambda connection: connection.execute(query).one())
        self._payloads[system, kind] = (row.digest, row.payload)
        return StoredSnapshot(system, kind, row.began_at, row.payload)


def _replace(connection: Connection, snapshot: StoredSnapshot, digest: str, replacing: datetime | None) -> bool:
    mine = (table.c.system == snapshot.system) & (table.c.kind == snapshot.kind)
    kept = connection.execute(select(table.c.began_at, table.c.digest).where(mine)).one_or_none()
    if (None if kept is None else kept.began_at) != replacing:
        return False
    values: dict[str, Any] = {"began_at": snapshot.began_at}
    if kept is None or kept.digest != digest:
        values |= {"digest": digest, "payload": snapshot.payload}
    if kept is None:
        connection.execute(insert(table).values(system=snapshot.system, kind=snapshot.kind, **values))
    else:
        connection.execute(update(table).where(mine).values(**values))
    return True
