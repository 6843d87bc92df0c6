"""Numbers for those who watch the installation."""

from sqlalchemy import Connection, func, select

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.tables import audit, clients, deliveries, open_task, pending_delivery, tasks, unsealed
from superfacility.core.clock import Clock
from superfacility.facility.installation import Vitals

_OPEN = select(func.count(), func.min(tasks.c.created_at)).where(open_task)
_PENDING = select(func.count()).select_from(deliveries).where(pending_delivery)
_UNSEALED = select(func.count()).select_from(audit).where(unsealed)


class SqlVitals:
    """`VitalsReader` over the database."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def read(self) -> Vitals:
        now = self._clock.now()

        in_force = (clients.c.revoked_at.is_(None), clients.c.expires_at > now)
        by_level = select(clients.c.level, func.count()).where(*in_force).group_by(clients.c.level)

        def look(connection: Connection) -> Vitals:
            open_tasks, oldest = connection.execute(_OPEN).one()
            return Vitals(
                open_tasks=open_tasks,
                oldest_task_seconds=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
                pending_deliveries=connection.scalar(_PENDING) or 0,
                unsealed_audit=connection.scalar(_UNSEALED) or 0,
                clients=dict(connection.execute(by_level).all()),
            )

        return await self._database.read(look)
