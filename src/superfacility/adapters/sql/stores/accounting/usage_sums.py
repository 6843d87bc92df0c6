"""Sums of charges, added to in the transaction that writes the charges: by day, and by allocation."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Float, Integer, String, bindparam, delete, func, select, type_coerce
from sqlalchemy.dialects.postgresql import insert

from superfacility.adapters.sql.columns import day_number
from superfacility.adapters.sql.stores.accounting.allocation_reads import begins_on, ends_on
from superfacility.adapters.sql.tables import allocation_use, allocations, usage_days

_SUMS = ("project", "kind", "day", "user", "system", "qos")
_DAY = insert(usage_days)
_DAY = _DAY.on_conflict_do_update(
    index_elements=_SUMS,
    set_={
        "node_hours": usage_days.c.node_hours + _DAY.excluded.node_hours,
        "jobs": usage_days.c.jobs + _DAY.excluded.jobs,
    },
)
_on: Any = bindparam("day", type_=Integer())
_USE = insert(allocation_use).from_select(
    ["allocation", "user", "node_hours"],
    select(allocations.c.id, bindparam("user", type_=String()), bindparam("node_hours", type_=Float())).where(
        allocations.c.project == bindparam("project", type_=String()),
        allocations.c.kind == bindparam("kind", type_=String()),
        begins_on(allocations) <= _on,
        ends_on(allocations) >= _on,
    ),
)
_USE = _USE.on_conflict_do_update(
    index_elements=("allocation", "user"),
    set_={"node_hours": allocation_use.c.node_hours + _USE.excluded.node_hours},
)


def add_usage(connection: Connection, charges: Sequence[dict[str, Any]]) -> None:
    """Rows of `charges` that are new. Whoever writes them has the turn of everybody, and so sees every allocation."""
    rows = _by_day(charges)
    connection.execute(_DAY, rows)
    for row in rows:
        values = {name: row[name] for name in ("project", "kind", "user", "node_hours")}
        connection.execute(_USE, values | {"day": day_number(row["day"])})


def sum_allocation(connection: Connection, allocation_id: int) -> None:
    """Anew, after its days were chosen."""
    connection.execute(delete(allocation_use).where(allocation_use.c.allocation == allocation_id))
    used_on: Any = type_coerce(usage_days.c.day, Integer)
    sums = (
        select(allocations.c.id, usage_days.c.user, func.sum(usage_days.c.node_hours))
        .join(usage_days, (usage_days.c.project == allocations.c.project) & (usage_days.c.kind == allocations.c.kind))
        .where(
            allocations.c.id == allocation_id,
            used_on >= begins_on(allocations),
            used_on <= ends_on(allocations),
        )
        .group_by(allocations.c.id, usage_days.c.user)
    )
    connection.execute(insert(allocation_use).from_select(["allocation", "user", "node_hours"], sums))


def _by_day(charges: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each sum."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for charge in charges:
        named = {**charge, "day": charge["ended_at"].date()}
        key = tuple(named[name] for name in _SUMS)
        found = sums.setdefault(key, {**dict(zip(_SUMS, key, strict=True)), "node_hours": 0.0, "jobs": 0})
        found["node_hours"] += charge["node_hours"]
        found["jobs"] += 1
    return list(sums.values())
