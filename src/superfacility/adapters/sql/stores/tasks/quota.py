"""The quota of tasks, asked inside the transaction that accepts one."""

from sqlalchemy import Connection, bindparam, func, select

from superfacility.adapters.sql.tables import open_task, tasks
from superfacility.tasks.quota import TaskQuota
from superfacility.tasks.task import NewTask

_MARGIN = 200
"""More transactions than the processes of an installation have under way at a time."""
_COUNT = select(func.count()).select_from(tasks).where(tasks.c.owner == bindparam("owner"), open_task)
_WAIT = select(func.pg_advisory_xact_lock(func.hashtextextended(bindparam("name"), 0)))


def check_quota(connection: Connection, quota: TaskQuota, new: NewTask) -> None:
    """On PostgreSQL, accepts of one owner wait for each other near the limit alone: elsewhere, all that others may have
    under way does not reach it. SQLite has one writer."""
    limit = quota.limit(new)
    if not limit:
        return
    already = _count(connection, new)
    if already + _MARGIN >= limit and connection.dialect.name == "postgresql":
        connection.execute(_WAIT, {"name": f"open tasks of {new.owner}"})
        already = _count(connection, new)
    quota.check(new, already)


def _count(connection: Connection, new: NewTask) -> int:
    return connection.scalar(_COUNT, {"owner": new.owner}) or 0
