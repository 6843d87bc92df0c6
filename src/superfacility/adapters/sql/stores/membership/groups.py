"""Unix groups as rows: reading and changing them inside a transaction."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, delete, select

from superfacility.adapters.sql.engine.statements import insert_ignoring
from superfacility.adapters.sql.stores.membership.people_rows import (
    insert_row,
    next_number,
    require,
    require_project,
    require_user,
    user_of,
)
from superfacility.adapters.sql.tables import group_members, groups, users
from superfacility.facility.errors import NotFound
from superfacility.facility.people import Group, GroupName, ProjectName, User, UserName

FIRST_GID = 2001


def find_groups(connection: Connection, *conditions: ColumnElement[bool]) -> list[Group]:
    rows = connection.execute(select(groups).where(*conditions).order_by(groups.c.name)).all()
    query = (
        select(group_members.c.group, users)
        .join(users, users.c.name == group_members.c.user)
        .where(group_members.c.group.in_(select(groups.c.name).where(*conditions)))
        .order_by(users.c.name)
    )
    members: dict[str, list[User]] = {}
    for row in connection.execute(query):
        members.setdefault(row.group, []).append(user_of(row))
    return [
        Group(row.gid, GroupName(row.name), ProjectName(row.project), tuple(members.get(row.name, ()))) for row in rows
    ]


def add_group(connection: Connection, name: GroupName, project: ProjectName, members: Sequence[UserName]) -> Group:
    require_project(connection, project)
    gid = next_number(connection, groups.c.gid, FIRST_GID)
    insert_row(connection, groups, {"gid": gid, "name": name, "project": project}, f"The group {name}")
    _add_members(connection, name, members)
    return _group(connection, name)


def change_group(connection: Connection, name: GroupName, add: Sequence[UserName], remove: Sequence[UserName]) -> Group:
    _group(connection, name)
    _add_members(connection, name, add)
    connection.execute(
        delete(group_members).where(group_members.c.group == name, group_members.c.user.in_(list(remove)))
    )
    return _group(connection, name)


def drop_group(connection: Connection, name: GroupName) -> None:
    require(connection.execute(delete(groups).where(groups.c.name == name)), "group", name)


def _add_members(connection: Connection, name: GroupName, members: Sequence[UserName]) -> None:
    for member in members:
        require_user(connection, member)
        connection.execute(insert_ignoring(group_members).values(group=name, user=member))


def _group(connection: Connection, name: GroupName) -> Group:
    found = find_groups(connection, groups.c.name == name)
    if not found:
        raise NotFound(f"There is no group {name}.")
    return found[0]
