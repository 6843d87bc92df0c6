"""The directory of people."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Connection, bindparam, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.engine.prepared import PreparedRead
from superfacility.adapters.sql.stores.access.clients import GENERATION, ordered_by
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.membership.groups import add_group, change_group, drop_group, find_groups
from superfacility.adapters.sql.stores.membership.people_rows import (
    find_project,
    insert_row,
    membership_of,
    next_number,
    project_of,
    project_row,
    remove_member,
    require,
    require_same_project,
    require_same_user,
    set_role,
    user_of,
    user_row,
)
from superfacility.adapters.sql.stores.tasks.changes import cancel_unstarted
from superfacility.adapters.sql.tables import group_members, groups, memberships, projects, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import Group, GroupName, Membership, Project, ProjectName, Role, User, UserName

FIRST_UID = 1001
_USER = PreparedRead(select(users).where(users.c.name == bindparam("name")))


class SqlPeople:
    """`People` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def user(self, name: UserName) -> User | None:
        try:
            row = await self._database.glance(_USER, {"name": name})
        except InvalidInput:  # what is not even text is nobody's name
            return None
        return None if row is None else user_of(row)

    async def users(self) -> Sequence[User]:
        query = select(users).order_by(users.c.name)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [user_of(row) for row in rows]

    async def project(self, name: ProjectName) -> Project | None:
        return await self._database.read(lambda connection: find_project(connection, name))

    async def projects(self) -> Sequence[Project]:
        query = select(projects).order_by(projects.c.name)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [project_of(row) for row in rows]

    async def memberships(
        self, *, user: UserName | None = None, project: ProjectName | None = None
    ) -> Sequence[Membership]:
        member = memberships.c
        columns = (member.id.label("membership_id"), member.user, member.role, member.continuing, projects)
        query = select(*columns).join(projects, projects.c.name == member.project).order_by(member.project, member.user)
        if user is not None:
            query = query.where(member.user == user)
        if project is not None:
            query = query.where(member.project == project)
        rows = await self._database.read(lambda connection: connection.execute(query).all())
        return [membership_of(row) for row in rows]

    async def group(self, name: GroupName) -> Group | None:
        found = await self._groups(groups.c.name == name)
        return found[0] if found else None

    async def groups(self, *, member: UserName | None = None) -> Sequence[Group]:
        if member is None:
            return await self._groups()
        of_member = select(group_members.c.group).where(group_members.c.user == member)
        return await self._groups(groups.c.name.in_(of_member))

    async def _groups(self, *conditions: ColumnElement[bool]) -> list[Group]:
        return await self._database.read(lambda connection: find_groups(connection, *conditions))

    async def save_user(self, user: User, audit: AuditEntry, *, new: bool = False, old: User | None = None) -> User:
        def change(connection: Connection) -> User:
            row = user_row(user)
            if new:
                row["uid"] = row["uid"] or next_number(connection, users.c.uid, FIRST_UID)
                insert_row(connection, users, row, f"The user {user.name} or the uid {row['uid']}")
            else:
                if old is not None:
                    require_same_user(connection, user.name, old)
                row["uid"] = row["uid"] or users.c.uid
                require(
                    connection.execute(update(users).where(users.c.name == user.name).values(row)), "user", user.name
                )
            if not user.active:
                cancel_unstarted(connection, audit.at, ordered_by(user.name))
            raise_counter(connection, GENERATION)
            add_entry(connection, audit)
            return user_of(connection.execute(select(users).where(users.c.name == user.name)).one())

        return await self._database.write(change)

    async def save_project(
        self, project: Project, audit: AuditEntry, *, new: bool = False, old: Project | None = None
    ) -> Project:
        def change(connection: Connection) -> Project:
            row = project_row(project)
            if new:
                row["id"] = row["id"] or next_number(connection, projects.c.id, 1)
                insert_row(connection, projects, row, f"The project {project.name} or the id {row['id']}")
            else:
                if old is not None:
                    require_same_project(connection, old)
                del row["id"]
                statement = update(projects).where(projects.c.name == project.name).values(row)
                require(connection.execute(statement), "project", project.name)
                raise_counter(connection, GENERATION)
            add_entry(connection, audit)
            saved = find_project(connection, project.name)
            assert saved is not None, "written above"
            return saved

        return await self._database.write(change)

    async def set_membership(self, project: ProjectName, user: UserName, role: Role | None, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            if role is None:
                remove_member(connection, project, user, audit)
            else:
                set_role(connection, project, user, role)
            raise_counter(connection, GENERATION)
            add_entry(connection, audit)

        await self._database.write(change)

    async def create_group(
        self, name: GroupName, project: ProjectName, members: Sequence[UserName], audit: AuditEntry
    ) -> Group:
        def change(connection: Connection) -> Group:
            group = add_group(connection, name, project, members)
            add_entry(connection, audit)
            return group

        return await self._database.write(change)

    async def change_members(
        self, name: GroupName, *, add: Sequence[UserName] = (), remove: Sequence[UserName] = (), audit: AuditEntry
    ) -> Group:
        def change(connection: Connection) -> Group:
            group = change_group(connection, name, add, remove)
            add_entry(connection, audit)
            return group

        return await self._database.write(change)

    async def remove_group(self, name: GroupName, audit: AuditEntry) -> None:
        def change(connection: Connection) -> None:
            drop_group(connection, name)
            add_entry(connection, audit)

        await self._database.write(change)
