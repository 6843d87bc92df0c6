"""Users, projects and memberships as rows: reading and changing them inside a transaction."""

from typing import Any

from sqlalchemy import Column, Connection, CursorResult, Table, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from superfacility.adapters.sql.tables import group_members, groups, invitations, memberships, projects, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.admissions import Outcome
from superfacility.facility.people import Allocation, Membership, Project, ProjectName, Role, User, UserName


def next_number(connection: Connection, column: Column[int], first: int) -> int:
    highest = connection.scalar(select(func.max(column)))
    return max(first, (highest or 0) + 1)


def insert_row(connection: Connection, table: Table, row: dict[str, Any], what: str) -> None:
    try:
        connection.execute(insert(table).values(row))
    except IntegrityError as problem:
        raise Conflict(f"{what} is taken: choose another.") from problem


def require(result: CursorResult[Any], kind: str, name: str) -> None:
    """`NotFound` if the statement touched no row."""
    if not result.rowcount:
        raise NotFound(f"There is no {kind} {name}.")


def require_project(connection: Connection, name: ProjectName) -> None:
    if connection.scalar(select(projects.c.id).where(projects.c.name == name)) is None:
        raise NotFound(f"There is no project {name}.")


def require_user(connection: Connection, name: UserName) -> None:
    if connection.scalar(select(users.c.uid).where(users.c.name == name)) is None:
        raise NotFound(f"There is no user {name}.")


def require_same_user(connection: Connection, name: UserName, old: User | None) -> None:
    """`Conflict` unless the user is still as a change was made from; nobody else changes them until we have."""
    row = connection.execute(select(users).where(users.c.name == name).with_for_update()).one_or_none()
    if (None if row is None else user_of(row)) != old:
        raise Conflict(f"The user {name} was changed meanwhile: look again.")


def require_same_project(connection: Connection, old: Project) -> None:
    """The same of a project."""
    row = connection.execute(select(projects).where(projects.c.name == old.name).with_for_update()).one_or_none()
    if row is None or project_of(row) != old:
        raise Conflict(f"The project {old.name} was changed meanwhile: look again.")


def set_role(connection: Connection, project: ProjectName, user: UserName, role: Role) -> None:
    require_project(connection, project)
    require_user(connection, user)
    mine = (memberships.c.project == project, memberships.c.user == user)
    if not connection.execute(update(memberships).where(*mine).values(role=role.value)).rowcount:
        connection.execute(insert(memberships).values(project=project, user=user, role=role.value))


def remove_member(connection: Connection, project: ProjectName, user: UserName, audit: AuditEntry) -> None:
    """With what hangs on it; the row of audit says when and by whom."""
    mine = (memberships.c.project == project, memberships.c.user == user)
    if not connection.execute(delete(memberships).where(*mine)).rowcount:
        raise NotFound(f"{user} is not a member of {project}.")
    of_project = select(groups.c.name).where(groups.c.project == project)
    connection.execute(delete(group_members).where(group_members.c.user == user, group_members.c.group.in_(of_project)))
    made = (invitations.c.project == project, invitations.c.invited_by == user)
    end_open(connection, invitations, Outcome.WITHDRAWN, audit, *made)


def end_open(connection: Connection, table: Table, outcome: Outcome, audit: AuditEntry, *conditions: Any) -> None:
    """Invitations or requests that nobody has answered."""
    ended = {"outcome": outcome.value, "ended_at": audit.at, "ended_by": audit.actor}
    connection.execute(update(table).where(table.c.outcome == Outcome.OPEN.value, *conditions).values(ended))


def find_project(connection: Connection, name: ProjectName) -> Project | None:
    row = connection.execute(select(projects).where(projects.c.name == name)).one_or_none()
    return None if row is None else project_of(row)


def user_row(user: User) -> dict[str, Any]:
    return {column.key: getattr(user, column.key) for column in users.c}


def user_of(row: Any) -> User:
    return User(**{column.key: getattr(row, column.key) for column in users.c})


def project_row(project: Project) -> dict[str, Any]:
    given = project.allocation
    return {
        "id": project.id,
        "name": project.name,
        "description": project.description,
        "project_bytes": given.project_bytes,
        "archive_bytes": given.archive_bytes,
        "active": project.active,
        "title": project.title,
        "organisation": project.organisation,
        "about": project.about,
    }


def project_of(row: Any) -> Project:
    return Project(
        id=row.id,
        name=ProjectName(row.name),
        description=row.description,
        allocation=Allocation(row.project_bytes, row.archive_bytes),
        active=row.active,
        title=row.title,
        organisation=row.organisation,
        about=row.about,
    )


def membership_of(row: Any) -> Membership:
    return Membership(row.membership_id, project_of(row), UserName(row.user), Role(row.role), row.continuing)
