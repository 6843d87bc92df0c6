"""Resources, outages, notes, observations and history."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from superfacility.adapters.sql.engine.counters import announce
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.status import history
from superfacility.adapters.sql.tables import notes, outages, resources
from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.status import (
    Note,
    Observation,
    Outage,
    OutageStatus,
    Resource,
    ResourceName,
    ResourceState,
    StateChange,
)

_VERSION = "status"


class SqlStatusBoard:
    """`StatusBoard` over the database. A change without a time of its own gets the clock's."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def version(self) -> int:
        return self._database.announced(_VERSION)

    async def resources(self) -> Sequence[Resource]:
        query = select(resources).order_by(resources.c.id)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_resource(row) for row in rows]

    async def outages(self) -> Sequence[Outage]:
        query = select(outages).order_by(outages.c.start_at.desc(), outages.c.id.desc())
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_outage(row) for row in rows]

    async def notes(self) -> Sequence[Note]:
        query = select(notes).order_by(notes.c.timestamp.desc(), notes.c.id.desc())
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [_note(row) for row in rows]

    async def save_resource(self, resource: Resource, audit: AuditEntry, *, new: bool = False) -> Resource:
        row = {
            "name": resource.name,
            "full_name": resource.full_name,
            "kind": resource.kind,
            "state": resource.state.value,
            "description": resource.description,
            "updated_at": resource.updated_at or self._clock.now(),
        }

        def change(connection: Connection) -> Resource:
            if new:
                _insert_resource(connection, row)
            elif not connection.execute(
                update(resources).where(resources.c.name == resource.name).values(row)
            ).rowcount:
                raise NotFound(f"There is no resource {resource.name}.")
            _conclude(connection, audit)
            return _resource(connection.execute(select(resources).where(resources.c.name == resource.name)).one())

        return await self._database.write(change)

    async def remove_resource(self, name: ResourceName, audit: AuditEntry) -> None:
        """With its outages, notes and observations; its history stays."""
        await self._remove(resources, resources.c.name == name, f"resource {name}", audit)

    async def save_outage(self, outage: Outage, audit: AuditEntry) -> Outage:
        row = {
            "resource": outage.resource,
            "start_at": outage.start_at,
            "end_at": outage.end_at,
            "description": outage.description,
            "notes": outage.notes,
            "impact": outage.impact,
            "status": outage.status.value,
            "updated_at": outage.updated_at or self._clock.now(),
        }
        return _outage(await self._save(outages, outage.id, row, f"outage {outage.id}", audit))

    async def remove_outage(self, outage_id: int, audit: AuditEntry) -> None:
        await self._remove(outages, outages.c.id == outage_id, f"outage {outage_id}", audit)

    async def save_note(self, note: Note, audit: AuditEntry) -> Note:
        row = {
            "resource": note.resource,
            "text": note.text,
            "active": note.active,
            "timestamp": note.timestamp or self._clock.now(),
            "starts_at": note.starts_at,
            "ends_at": note.ends_at,
        }
        return _note(await self._save(notes, note.id, row, f"note {note.id}", audit))

    async def remove_note(self, note_id: int, audit: AuditEntry) -> None:
        await self._remove(notes, notes.c.id == note_id, f"note {note_id}", audit)

    async def observations(self) -> Sequence[Observation]:
        return await self._database.read(history.observed)

    async def observe(self, observations: Sequence[Observation]) -> None:
        def change(connection: Connection) -> None:
            if history.observe(connection, observations):
                announce(connection, _VERSION)

        await self._database.write(change)

    async def record(self, changes: Sequence[StateChange]) -> None:
        if changes:
            await self._database.write(lambda connection: history.record(connection, changes))

    async def changes(
        self, resource: ResourceName, *, before: int | None = None, limit: int = 100
    ) -> Sequence[StateChange]:
        return await self._database.read(lambda connection: history.changes(connection, resource, before, limit))

    async def last_changes(self) -> Sequence[StateChange]:
        return await self._database.read(history.last_changes)

    async def purge(self, before: datetime) -> int:
        return await self._database.write(lambda connection: history.purge(connection, before))

    async def _save(self, table: Table, number: int, row: dict[str, Any], what: str, audit: AuditEntry) -> Any:
        """Add (`number` 0) or change a row that belongs to a resource."""

        def change(connection: Connection) -> Any:
            known = connection.scalar(select(resources.c.id).where(resources.c.name == row["resource"]))
            if known is None:
                raise NotFound(f"There is no resource {row['resource']}.")
            saved = number
            if number == 0:
                saved = (connection.execute(insert(table).values(row)).inserted_primary_key or (0,))[0]
            elif not connection.execute(update(table).where(table.c.id == number).values(row)).rowcount:
                raise NotFound(f"There is no {what}.")
            _conclude(connection, audit)
            return connection.execute(select(table).where(table.c.id == saved)).one()

        return await self._database.write(change)

    async def _remove(self, table: Table, which: Any, what: str, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if not connection.execute(delete(table).where(which)).rowcount:
                raise NotFound(f"There is no {what}.")
            _conclude(connection, audit)

        await self._database.write(change)


def _insert_resource(connection: Connection, row: dict[str, Any]) -> None:
    try:
        connection.execute(insert(resources).values(row))
    except IntegrityError as problem:
        raise Conflict(f"The resource {row['name']} exists already.") from problem


def _conclude(connection: Connection, audit: AuditEntry) -> None:
    announce(connection, _VERSION)
    add_entry(connection, audit)


def _resource(row: Any) -> Resource:
    name, state = ResourceName(row.name), ResourceState(row.state)
    return Resource(name, row.full_name, row.kind, state, row.description, row.updated_at)


def _outage(row: Any) -> Outage:
    return Outage(
        id=row.id,
        resource=ResourceName(row.resource),
        start_at=row.start_at,
        end_at=row.end_at,
        description=row.description,
        notes=row.notes,
        impact=row.impact,
        status=OutageStatus(row.status),
        updated_at=row.updated_at,
    )


def _note(row: Any) -> Note:
    return Note(row.id, ResourceName(row.resource), row.text, row.active, row.timestamp, row.starts_at, row.ends_at)
