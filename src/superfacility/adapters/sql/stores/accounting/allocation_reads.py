"""How allocations stand: SELECTs that put them together with what was used in their periods."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Float,
    Integer,
    Select,
    and_,
    bindparam,
    case,
    func,
    literal_column,
    or_,
    select,
    type_coerce,
)

from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.tables import (
    allocation_rules,
    allocation_shares,
    allocation_use,
    allocations,
    memberships,
    projects,
)
from superfacility.facility.accounting.allocations import HoursAllocation, Payer, Share, Standing, WhenExhausted
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.people import ProjectName, UserName

_ENDLESS = 3_000_000
"""Behind every day of the calendar."""


def _number(value: int) -> ColumnElement[int]:
    """As a literal: a prepared read has no parameters but its own."""
    return literal_column(str(value), Integer)


_NONE: ColumnElement[float] = literal_column("0.0", Float)


def begins_on(table: Any) -> ColumnElement[int]:
    return func.coalesce(type_coerce(table.c.begins, Integer), _number(-_ENDLESS))


def ends_on(table: Any) -> ColumnElement[int]:
    return func.coalesce(type_coerce(table.c.ends, Integer), _number(_ENDLESS))


_ALLOCATION = (
    allocations.c.id,
    allocations.c.project,
    allocations.c.kind,
    allocations.c.hours,
    allocations.c.begins,
    allocations.c.ends,
)
_SHARE = (
    allocation_shares.c.user.label("share_user"),
    allocation_shares.c.hours.label("share_hours"),
    allocation_shares.c.percent.label("share_percent"),
)


def _text(name: str) -> ColumnElement[str]:
    return bindparam(name, type_=allocations.c.kind.type)


def _used(user: ColumnElement[str]) -> tuple[ColumnElement[float], ColumnElement[float]]:
    of_all = func.coalesce(func.sum(allocation_use.c.node_hours), _NONE)
    used = select(of_all).where(allocation_use.c.allocation == allocations.c.id).correlate(allocations)
    own = used.where(allocation_use.c.user == user)
    return used.scalar_subquery().label("used"), own.scalar_subquery().label("own_used")


def _share_of(user: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(
        allocation_shares.c.project == allocations.c.project,
        allocation_shares.c.kind == allocations.c.kind,
        allocation_shares.c.user == user,
    )


def standings_query(names: list[str]) -> Select[Any]:
    """Parameter: `user`."""
    user = _text("user")
    return (
        select(*_ALLOCATION, *_SHARE, *_used(user))
        .select_from(allocations)
        .outerjoin(allocation_shares, _share_of(user))
        .where(allocations.c.project.in_(names))
        .order_by(allocations.c.project, allocations.c.kind, begins_on(allocations))
    )


def _payer_query() -> Select[Any]:
    """One row: the project that pays, its allocation of that day and what was used of it. `named` comes first."""
    user, named, kind = _text("user"), _text("named"), _text("kind")
    day: ColumnElement[int] = bindparam("day", type_=Integer())
    payer = (
        select(projects.c.name, projects.c.active)
        .join(memberships, memberships.c.project == projects.c.name)
        .where(memberships.c.user == user, or_(projects.c.name == named, projects.c.active))
        .order_by(case((projects.c.name == named, _number(0)), else_=_number(1)), projects.c.name)
        .limit(_number(1))
        .offset(_number(0))
        .subquery("payer")
    )
    others = allocations.alias("others")
    limited = (
        select(func.count(others.c.id)).where(others.c.project == payer.c.name, others.c.kind == kind).scalar_subquery()
    )
    covers = and_(
        allocations.c.project == payer.c.name,
        allocations.c.kind == kind,
        begins_on(allocations) <= day,
        ends_on(allocations) >= day,
    )
    columns = (payer.c.name, payer.c.active, allocation_rules.c.when_exhausted)
    return (
        select(*columns, limited.label("limited"), *_ALLOCATION, *_SHARE, *_used(user))
        .select_from(payer)
        .outerjoin(allocations, covers)
        .outerjoin(allocation_rules, allocation_rules.c.project == payer.c.name)
        .outerjoin(allocation_shares, _share_of(user))
    )


PAYER = PreparedRead(_payer_query())


def payer_of(row: Any) -> Payer:
    return Payer(
        project=ProjectName(row.name),
        active=row.active,
        limited=row.limited > 0,
        standing=None if row.id is None else standing_of(row),
        rule=None if row.when_exhausted is None else WhenExhausted(row.when_exhausted),
    )


def standing_of(row: Any) -> Standing:
    found = allocation_of(row)
    share = (
        None
        if row.share_user is None
        else Share(found.project, found.kind, UserName(row.share_user), row.share_hours, row.share_percent)
    )
    return Standing(found, row.used, row.own_used, share)


def allocation_of(row: Any) -> HoursAllocation:
    return HoursAllocation(row.id, ProjectName(row.project), HoursKind(row.kind), row.hours, row.begins, row.ends)
