"""What was used of daily allowances."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, and_, delete, select
from sqlalchemy.dialects.postgresql import Insert, insert

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import allowances
from superfacility.facility.allowances import Allowance
from superfacility.facility.audit import AuditEntry

_KEY = (allowances.c.day, allowances.c.what, allowances.c.who)


class SqlAllowances:
    """`Allowances` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> Allowance | None:
        def change(connection: Connection) -> None:
            for each in sorted(allowances, key=_order):  # in one order, so that nobody waits in a circle
                _take(connection, each, amount, day)
            if audit is not None:
                add_entry(connection, audit)

        try:
            await self._database.write(change, turn=None)
        except _UsedUpError as problem:
            return problem.allowance
        return None

    async def correct(
        self, allowances: Sequence[Allowance], amount: int, day: date, audit: AuditEntry | None = None
    ) -> None:
        def change(connection: Connection) -> None:
            for each in sorted(allowances, key=_order):
                connection.execute(_adding(each, amount, day))
            if audit is not None:
                add_entry(connection, audit)

        await self._database.write(change, turn=None)

    async def used(self, allowance: Allowance, day: date) -> int:
        query = select(allowances.c.used).where(
            and_(*(column == value for column, value in zip(_KEY, _key(allowance, day).values(), strict=True)))
        )
        return await self._database.read(lambda connection: connection.scalar(query) or 0)

    async def forget(self, before: date) -> int:
        statement = delete(allowances).where(allowances.c.day < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


class _UsedUpError(Exception):
    """Undoes the transaction."""

    def __init__(self, allowance: Allowance) -> None:
        super().__init__(allowance)
        self.allowance = allowance


def _take(connection: Connection, each: Allowance, amount: int, day: date) -> None:
    """The row's lock makes others wait, and each sees what the one before it has used."""
    enough = allowances.c.used + amount <= each.most
    if amount > each.most or connection.execute(_adding(each, amount, day, enough)).rowcount == 0:
        raise _UsedUpError(each)


def _adding(each: Allowance, amount: int, day: date, condition: Any = None) -> Insert:
    new = insert(allowances).values(used=amount, **_key(each, day))
    more = {"used": allowances.c.used + amount}
    return new.on_conflict_do_update(index_elements=_KEY, set_=more, where=condition).execution_options(
        preserve_rowcount=True
    )


def _order(allowance: Allowance) -> tuple[str, str]:
    return allowance.what, allowance.who


def _key(allowance: Allowance, day: date) -> Mapping[str, Any]:
    return {"day": day, "what": allowance.what, "who": allowance.who}
