"""Callbacks that are owed."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, insert, select, tuple_, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.events.callback_rows import (
    delivery_of,
    delivery_row,
    element_of,
    element_row,
    salt_of,
    watch_of,
    watch_row,
)
from superfacility.adapters.sql.tables import (
    callback_cursor,
    callback_elements,
    callback_salts,
    callback_watches,
    deliveries,
    pending_delivery,
)
from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import (
    Delivery,
    DeliveryState,
    Element,
    Settlement,
    SigningSalt,
    Step,
    Watch,
)
from superfacility.facility.errors import NotFound
from superfacility.facility.people import UserName

_AT_ONCE = 500
"""Values in one condition: databases bound how many a statement may have."""
_open = callback_watches.c.ended.is_(False)


class SqlCallbackStore:
    """`CallbackStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def watch(self, watch: Watch) -> None:
        known = exists().where(callback_watches.c.task_id == watch.task_id)

        def change(connection: Connection) -> None:
            if not connection.scalar(select(known)):
                connection.execute(insert(callback_watches).values(watch_row(watch)))

        await self._database.write(change)

    async def cursor(self) -> int:
        return await self._database.read(lambda connection: connection.scalar(select(callback_cursor.c.event_id)) or 0)

    async def unbound(self) -> Sequence[Watch]:
        return await self._watches(callback_watches.c.job_id.is_(None))

    async def overdue(self, now: datetime) -> Sequence[Watch]:
        return await self._watches(callback_watches.c.deadline <= now)

    async def settling(self) -> Sequence[Watch]:
        return await self._watches(callback_watches.c.settling.is_(True))

    async def watching(self, jobs: Collection[tuple[str, str]]) -> Sequence[Watch]:
        key = tuple_(callback_watches.c.system, callback_watches.c.job_id)
        return [watch for some in _pieces(jobs) for watch in await self._watches(key.in_(some))]

    async def _watches(self, which: ColumnElement[bool]) -> Sequence[Watch]:
        query = select(callback_watches).where(_open, which).order_by(callback_watches.c.number)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [watch_of(row) for row in rows]

    async def elements(self, task_ids: Collection[str]) -> Sequence[Element]:
        def look(connection: Connection) -> Sequence[Any]:
            queries = [select(callback_elements).where(_element.in_(some)) for some in _pieces(task_ids)]
            return [row for query in queries for row in connection.execute(query)]

        return [element_of(row) for row in await self._database.read(look)]

    async def commit(self, step: Step) -> None:
        await self._database.write(lambda connection: _commit(connection, step))

    async def pending(self, owner: UserName) -> int:
        query = select(func.count()).where(pending_delivery, deliveries.c.owner == owner)
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def due(self, now: datetime, limit: int, *, per_place: int, per_owner: int) -> Sequence[Delivery]:
        query = _due(now, per_place, per_owner).limit(limit)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [delivery_of(row) for row in rows]

    async def settle(self, delivery_id: int, settlement: Settlement) -> None:
        changes: dict[str, Any] = {
            "state": settlement.state.value,
            "attempts": deliveries.c.attempts + 1,
            "updated_at": settlement.at,
            "status": settlement.status,
            "error": settlement.error,
        }
        if settlement.due_at is not None:
            changes["due_at"] = settlement.due_at
        statement = update(deliveries).where(deliveries.c.id == delivery_id).values(changes)
        await self._database.write(lambda connection: connection.execute(statement).rowcount)

    async def delivery(self, delivery_id: int) -> Delivery | None:
        query = select(deliveries).where(deliveries.c.id == delivery_id)
        row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else delivery_of(row)

    async def deliveries(
        self, owner: UserName, *, state: DeliveryState | None = None, limit: int = 100
    ) -> Sequence[Delivery]:
        query = select(deliveries).where(deliveries.c.owner == owner).order_by(deliveries.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(deliveries.c.state == state.value)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [delivery_of(row) for row in rows]

    async def redeliver(self, delivery_id: int, now: datetime, give_up_at: datetime, audit: AuditEntry) -> Delivery:
        mine = deliveries.c.id == delivery_id
        changes = {
            "state": DeliveryState.PENDING.value,
            "attempts": 0,
            "due_at": now,
            "give_up_at": give_up_at,
            "updated_at": now,
            "error": None,
        }

        def change(connection: Connection) -> Delivery:
            if not connection.execute(update(deliveries).where(mine).values(changes)).rowcount:
                raise NotFound(f"There is no callback {delivery_id}.")
            add_entry(connection, audit)
            return delivery_of(connection.execute(select(deliveries).where(mine)).one())

        return await self._database.write(change)

    async def salt(self, owner: UserName) -> SigningSalt | None:
        return await self._database.read(lambda connection: _salt(connection, owner))

    async def save_salt(self, owner: UserName, salt: SigningSalt, audit: AuditEntry | None = None) -> SigningSalt:
        def change(connection: Connection) -> SigningSalt:
            kept = _salt(connection, owner)
            if kept is not None and audit is None:
                return kept
            row = {"current": salt.current, "previous": salt.previous, "rotated_at": salt.rotated_at}
            if kept is None:
                connection.execute(insert(callback_salts).values(owner=owner, **row))
            else:
                connection.execute(update(callback_salts).where(callback_salts.c.owner == owner).values(row))
            if audit is not None:
                add_entry(connection, audit)
            return salt

        return await self._database.write(change)

    async def purge(self, before: datetime) -> int:
        old_watches = delete(callback_watches).where(
            callback_watches.c.ended.is_(True), callback_watches.c.created_at < before
        )
        old = delete(deliveries).where(
            deliveries.c.state != DeliveryState.PENDING.value, deliveries.c.updated_at < before
        )

        def change(connection: Connection) -> int:
            connection.execute(old_watches)
            return connection.execute(old).rowcount

        return await self._database.write(change)


_element = callback_elements.c.task_id


def _commit(connection: Connection, step: Step) -> None:
    if not connection.execute(update(callback_cursor).values(event_id=step.cursor)).rowcount:
        connection.execute(insert(callback_cursor).values(event_id=step.cursor))
    for task_id, job_id in step.bound.items():
        _change_watches(connection, [task_id], {"job_id": job_id})
    for element in step.elements:
        _keep_element(connection, element)
    _change_watches(connection, step.settling, {"settling": True})
    _change_watches(connection, step.timed_out, {"deadline": None})
    for new in step.deliveries:
        kept = and_(
            deliveries.c.task_id == new.task_id,
            deliveries.c.channel == new.channel.value,
            deliveries.c.kind == new.kind,
        )
        if not connection.scalar(select(exists().where(kept))):
            connection.execute(insert(deliveries).values(delivery_row(new)))
    _change_watches(connection, step.ended, {"ended": True})
    for some in _pieces(step.ended):
        connection.execute(delete(callback_elements).where(_element.in_(some)))


def _change_watches(connection: Connection, task_ids: Collection[str], changes: Mapping[str, Any]) -> None:
    for some in _pieces(task_ids):
        connection.execute(update(callback_watches).where(callback_watches.c.task_id.in_(some)).values(changes))


def _keep_element(connection: Connection, element: Element) -> None:
    row = element_row(element)
    same = and_(_element == element.task_id, callback_elements.c.job_id == element.job_id)
    if not connection.execute(update(callback_elements).where(same).values(row)).rowcount:
        connection.execute(insert(callback_elements).values(row))


def _salt(connection: Connection, owner: UserName) -> SigningSalt | None:
    row = connection.execute(select(callback_salts).where(callback_salts.c.owner == owner)).one_or_none()
    return None if row is None else salt_of(row)


def _due(now: datetime, per_place: int, per_owner: int) -> Select[Any]:
    """Shares are counted in two steps: what a busy host keeps waiting must not use up its owner's share."""
    earlier = deliveries.alias("earlier")
    has_predecessor = exists().where(
        earlier.c.state == DeliveryState.PENDING.value,
        earlier.c.task_id == deliveries.c.task_id,
        earlier.c.channel == deliveries.c.channel,
        earlier.c.id < deliveries.c.id,
    )
    order = (deliveries.c.due_at, deliveries.c.id)
    place_rank = func.row_number().over(partition_by=deliveries.c.place, order_by=order).label("place_rank")
    ready = (
        select(deliveries, place_rank).where(pending_delivery, deliveries.c.due_at <= now, ~has_predecessor).subquery()
    )
    owner_rank = func.row_number().over(partition_by=ready.c.owner, order_by=(ready.c.due_at, ready.c.id))
    shared = select(ready, owner_rank.label("owner_rank")).where(ready.c.place_rank <= per_place).subquery()
    return select(shared).where(shared.c.owner_rank <= per_owner).order_by(shared.c.due_at, shared.c.id)


def _pieces(values: Collection[Any]) -> list[list[Any]]:
    ordered = list(values)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
