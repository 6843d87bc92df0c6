"""The ledger of charges."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.sqlite import insert

from superfacility.adapters.sql.database import Database
from superfacility.adapters.sql.tables import charges as table
from superfacility.facility.charges import Charge, Usage

_RECORD = insert(table).on_conflict_do_nothing()


class SqlLedger:
    """`Ledger` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, charges: Sequence[Charge]) -> int:
        if not charges:
            return 0
        rows = [asdict(charge) for charge in charges]

        def change(connection: Connection) -> int:
            return sum(connection.execute(_RECORD, row).rowcount for row in rows)

        return await self._database.write(change)

    async def usage(self, *, projects: Sequence[str] | None = None) -> Sequence[Usage]:
        query = (
            select(table.c.project, table.c.user, func.sum(table.c.node_hours))
            .group_by(table.c.project, table.c.user)
            .order_by(table.c.project, table.c.user)
        )
        if projects is not None:
            query = query.where(table.c.project.in_(projects))
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [Usage(*row) for row in rows]

    async def last_end(self, system: str) -> datetime | None:
        query = select(func.max(table.c.ended_at)).where(table.c.system == system)
        return await self._database.read(lambda connection: connection.scalar(query))
