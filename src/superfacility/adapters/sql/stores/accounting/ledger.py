"""The ledger of charges, and its sums by day, which are kept in the same transaction."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Integer, Select, case, func, literal_column, select, type_coerce

from superfacility.adapters.sql.columns import day_number, day_of
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.accounting.usage_sums import add_usage
from superfacility.adapters.sql.tables import charges, usage_days
from superfacility.facility.accounting.charges import Charge, HoursKind, Step, Usage, UsageBy, UsageQuery, UsageStep

_RECORD = insert_ignoring(charges)
_FIRST_MONDAY = 3
"""Days from the Monday before to 1970-01-01, a Thursday."""


class SqlLedger:
    """`Ledger` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, charges: Sequence[Charge]) -> int:
        if not charges:
            return 0
        rows = [asdict(charge) for charge in charges]

        def change(connection: Connection) -> int:
            new = [row for row in rows if connection.execute(_RECORD, row).rowcount]
            if new:
                add_usage(connection, new)
            return len(new)

        return await self._database.write(change)

    async def usage(self, *, projects: Sequence[str] | None = None) -> Sequence[Usage]:
        sums = usage_days.c
        key = (sums.project, sums.user, sums.kind)
        query = select(*key, func.sum(sums.node_hours)).group_by(*key).order_by(*key)
        if projects is not None:
            query = query.where(sums.project.in_(projects))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Usage(project, user, hours, HoursKind(kind)) for project, user, kind, hours in rows]

    async def over_time(self, query: UsageQuery) -> Sequence[UsageStep]:
        statement = _over_time(query)
        rows = await self._database.read(lambda connection: connection.execute(statement).all())
        return [UsageStep(day_of(begins), HoursKind(kind), of, hours, jobs) for begins, kind, of, hours, jobs in rows]

    async def last_end(self, system: str) -> datetime | None:
        query = select(func.max(charges.c.ended_at)).where(charges.c.system == system)
        return await self._database.read(lambda connection: connection.scalar(query))


def _over_time(query: UsageQuery) -> Select[Any]:
    sums = usage_days.c
    begins = _step(query).label("begins")
    of = literal_column("''") if query.by is None else _COLUMNS[query.by]
    statement = (
        select(begins, sums.kind, of.label("of"), func.sum(sums.node_hours), func.sum(sums.jobs))
        .where(sums.day.between(query.first, query.last))
        .group_by("begins", sums.kind, "of")
        .order_by("begins", sums.kind, "of")
    )
    if query.project is not None:
        statement = statement.where(sums.project == query.project)
    if query.user is not None:
        statement = statement.where(sums.user == query.user)
    return statement


_COLUMNS: dict[UsageBy, ColumnElement[Any]] = {
    UsageBy.USER: usage_days.c.user,
    UsageBy.SYSTEM: usage_days.c.system,
    UsageBy.QOS: usage_days.c.qos,
    UsageBy.PROJECT: usage_days.c.project,
}


def _step(query: UsageQuery) -> ColumnElement[int]:
    """The number of the day on which a row's step begins. In literals, so that what is grouped by is what is read."""
    day: ColumnElement[int] = type_coerce(usage_days.c.day, Integer)
    if query.step is Step.DAY:
        return day
    if query.step is Step.WEEK:
        return day - (day + _number(_FIRST_MONDAY)) % _number(7)
    first, *later = _months(query.first, query.last)
    if not later:
        return _number(first)
    return case(*((day >= _number(month), _number(month)) for month in reversed(later)), else_=_number(first))


def _months(first: date, last: date) -> list[int]:
    """The first days of all months from one day to the other, as numbers."""
    months = range(12 * first.year + first.month - 1, 12 * last.year + last.month)
    return [day_number(date(month // 12, month % 12 + 1, 1)) for month in months]


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer)
