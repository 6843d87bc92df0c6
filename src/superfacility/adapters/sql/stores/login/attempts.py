"""How often somebody has tried."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, delete, insert, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.tables import login_attempts
from superfacility.oauth.identity.attempts import Counted, Failures

_kept = login_attempts.c


class SqlAttemptLog:
    """`AttemptLog` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def attempt(self, counted: Sequence[Counted], now: datetime) -> timedelta:
        def change(connection: Connection) -> timedelta:
            found = {each.key: _failures(connection, each.key) for each in counted}
            wait = max((found[each.key].wait(each.pace, now) for each in counted), default=timedelta())
            if not wait:
                for each in counted:
                    _write(connection, each.key, found[each.key], found[each.key].one_more(now))
            return wait

        return await self._database.write(change)

    async def succeeded(self, *, cleared: Sequence[str], eased: Sequence[str] = ()) -> None:
        less = case((_kept.failures > 0, _kept.failures - 1), else_=0)

        def change(connection: Connection) -> None:
            connection.execute(delete(login_attempts).where(_kept.key.in_(cleared)))
            connection.execute(update(login_attempts).where(_kept.key.in_(eased)).values(failures=less))

        await self._database.write(change)

    async def forget(self, before: datetime) -> int:
        statement = delete(login_attempts).where(_kept.last_at < before)
        return await self._database.write(lambda connection: connection.execute(statement).rowcount, turn=None)


def _failures(connection: Connection, key: str) -> Failures:
    row = connection.execute(select(_kept.failures, _kept.last_at).where(_kept.key == key)).one_or_none()
    return Failures() if row is None else Failures(row.failures, row.last_at)


def _write(connection: Connection, key: str, before: Failures, after: Failures) -> None:
    values = {"failures": after.count, "last_at": after.last_at}
    if before.last_at is None:
        connection.execute(insert(login_attempts), {"key": key, **values})
    else:
        connection.execute(update(login_attempts).where(_kept.key == key).values(values))
