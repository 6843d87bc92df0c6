"""Allocations of hours, how members share them, and projects' own rules."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from superfacility.adapters.sql.columns import day_number
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.accounting.allocation_reads import (
    PAYER,
    allocation_of,
    payer_of,
    standing_of,
    standings_query,
)
from superfacility.adapters.sql.stores.accounting.usage_sums import sum_allocation
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.membership.people_rows import require_project
from superfacility.adapters.sql.tables import (
    allocation_notices,
    allocation_rules,
    allocation_shares,
    allocations,
    memberships,
)
from superfacility.facility.accounting.allocations import (
    HoursAllocation,
    Payer,
    Share,
    Standing,
    WhenExhausted,
    check_others,
    overlap,
)
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.people import ProjectName, UserName

_CLAIM = insert_ignoring(allocation_notices)
_SHARE = upsert(allocation_shares)
_SHARE = _SHARE.on_conflict_do_update(
    index_elements=("project", "user", "kind"),
    set_={"hours": _SHARE.excluded.hours, "percent": _SHARE.excluded.percent},
)
_RULE = upsert(allocation_rules)
_RULE = _RULE.on_conflict_do_update(index_elements=("project",), set_={"when_exhausted": _RULE.excluded.when_exhausted})


class SqlAllocations:
    """`Allocations` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standings(self, projects: Sequence[ProjectName], *, user: UserName | None = None) -> Sequence[Standing]:
        query, parameters = standings_query(list(projects)), {"user": user or ""}
        rows = await self._database.read(lambda connection: connection.execute(query, parameters).all())
        return [standing_of(row) for row in rows]

    async def payer(self, user: UserName, named: str, kind: HoursKind, day: date) -> Payer | None:
        parameters = {"user": user, "named": named, "kind": kind.value, "day": day_number(day)}
        try:
            row = await self._database.glance(PAYER, parameters)
        except InvalidInput:  # what is not even text is no project's name
            row = await self._database.glance(PAYER, {**parameters, "named": ""})
        return None if row is None else payer_of(row)

    async def add(self, allocation: HoursAllocation, audit: AuditEntry) -> HoursAllocation:
        def change(connection: Connection) -> HoursAllocation:
            require_project(connection, allocation.project)
            _require_room(connection, allocation)
            columns = ("project", "kind", "hours", "begins", "ends")
            values = {name: getattr(allocation, name) for name in columns}
            row = connection.execute(insert(allocations).values(values).returning(allocations)).one()
            sum_allocation(connection, row.id)
            add_entry(connection, audit)
            return allocation_of(row)

        return await self._database.write(change)

    async def change(self, allocation: HoursAllocation, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            _require_room(connection, allocation)
            values = {name: getattr(allocation, name) for name in ("hours", "begins", "ends")}
            statement = update(allocations).where(allocations.c.id == allocation.id).values(values)
            _require(connection.execute(statement), allocation.id)
            sum_allocation(connection, allocation.id)
            mentioned = allocation_notices.c.allocation == allocation.id
            connection.execute(delete(allocation_notices).where(mentioned))
            add_entry(connection, audit)

        await self._database.write(change)

    async def remove(self, allocation_id: int, audit: AuditEntry, *, unlimited: bool = False) -> None:
        def change(connection: Connection) -> None:
            _require_others(connection, allocation_id, unlimited=unlimited)
            _require(connection.execute(delete(allocations).where(allocations.c.id == allocation_id)), allocation_id)
            add_entry(connection, audit)

        await self._database.write(change)

    async def shares(self, project: ProjectName) -> Sequence[Share]:
        columns = allocation_shares.c
        query = select(allocation_shares).where(columns.project == project).order_by(columns.kind, columns.user)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Share(ProjectName(r.project), HoursKind(r.kind), UserName(r.user), r.hours, r.percent) for r in rows]

    async def set_share(self, share: Share, audit: AuditEntry) -> None:
        key = {"project": share.project, "user": share.user, "kind": share.kind.value}

        def change(connection: Connection) -> None:
            _require_member(connection, share)
            if share.hours is None and share.percent is None:
                connection.execute(delete(allocation_shares).filter_by(**key))
            else:
                connection.execute(_SHARE, {**key, "hours": share.hours, "percent": share.percent})
            add_entry(connection, audit)

        await self._database.write(change)

    async def rule(self, project: ProjectName) -> WhenExhausted | None:
        query = select(allocation_rules.c.when_exhausted).where(allocation_rules.c.project == project)
        found = await self._database.read(lambda connection: connection.scalar(query))
        return None if found is None else WhenExhausted(found)

    async def set_rule(self, project: ProjectName, rule: WhenExhausted | None, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            require_project(connection, project)
            if rule is None:
                connection.execute(delete(allocation_rules).where(allocation_rules.c.project == project))
            else:
                connection.execute(_RULE, {"project": project, "when_exhausted": rule.value})
            add_entry(connection, audit)

        await self._database.write(change)

    async def claim_notice(self, allocation_id: int, percent: int) -> bool:
        row = {"allocation": allocation_id, "percent": percent}
        return await self._database.write(lambda connection: connection.execute(_CLAIM, row).rowcount == 1, turn=None)


def _require(result: Any, allocation_id: int) -> None:
    if not result.rowcount:
        raise NotFound(f"There is no allocation {allocation_id}.")


def _require_others(connection: Connection, allocation_id: int, *, unlimited: bool) -> None:
    """Changes take turns, so nobody takes the last two away at once."""
    row = connection.execute(select(allocations).where(allocations.c.id == allocation_id)).one_or_none()
    if row is not None:
        same = (allocations.c.project == row.project, allocations.c.kind == row.kind)
        others = connection.execute(select(allocations.c.id).where(*same, allocations.c.id != allocation_id)).all()
        check_others(allocation_of(row), len(others), unlimited=unlimited)


def _require_member(connection: Connection, share: Share) -> None:
    mine = (memberships.c.project == share.project, memberships.c.user == share.user)
    if connection.scalar(select(memberships.c.id).where(*mine)) is None:
        raise NotFound(f"{share.user} is not a member of {share.project}.")


def _require_room(connection: Connection, wanted: HoursAllocation) -> None:
    """Changes take turns, so nobody adds another in between."""
    same = (allocations.c.project == wanted.project, allocations.c.kind == wanted.kind.value)
    for row in connection.execute(select(allocations).where(*same, allocations.c.id != wanted.id)):
        found = allocation_of(row)
        if found.overlaps(wanted):
            raise overlap(found)
