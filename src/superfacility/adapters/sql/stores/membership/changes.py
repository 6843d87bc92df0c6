"""Changes of one member and what follows from them, inside a transaction."""

from sqlalchemy import Connection, select, update

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.stores.access.clients import GENERATION
from superfacility.adapters.sql.stores.membership.people_rows import (
    end_open,
    remove_member,
    require_project,
    require_user,
    set_role,
)
from superfacility.adapters.sql.tables import invitations, join_requests, memberships, projects
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.admissions import MemberChange, Outcome, ProjectChange
from superfacility.facility.people import ProjectName, Role


def change_member(connection: Connection, change: MemberChange, audit: AuditEntry) -> None:
    """As `Admissions.change_member`; the row of audit says when and by whom, and is added by the caller."""
    require_project(connection, change.project)
    require_user(connection, change.user)
    roles = _roles(connection, change.project)
    _check(change, roles)
    if change.role is None:
        remove_member(connection, change.project, change.user, audit)
    else:
        if change.user not in roles:
            _settle(connection, change, audit)
        set_role(connection, change.project, change.user, change.role)
        if change.continuing is not None:
            mine = (memberships.c.project == change.project, memberships.c.user == change.user)
            connection.execute(update(memberships).where(*mine).values(continuing=change.continuing))
    raise_counter(connection, GENERATION)


def change_project(connection: Connection, change: ProjectChange) -> None:
    require_project(connection, change.project)
    _check_expected(change, _roles(connection, change.project))
    if values := {**change.texts, **change.quotas}:
        connection.execute(update(projects).where(projects.c.name == change.project).values(values))


def _roles(connection: Connection, project: ProjectName) -> dict[str, Role]:
    query = select(memberships.c.user, memberships.c.role).where(memberships.c.project == project)
    return {row.user: Role(row.role) for row in connection.execute(query)}


def _check_expected(change: MemberChange | ProjectChange, roles: dict[str, Role]) -> None:
    for user, role in change.expected.items():
        if roles.get(user) is not role:
            raise Conflict(f"The role of {user} in {change.project} has changed meanwhile: look again.")


def _check(change: MemberChange, roles: dict[str, Role]) -> None:
    _check_expected(change, roles)
    known = roles.get(change.user)
    if known is None and change.role is None:
        raise NotFound(f"{change.user} is not a member of {change.project}.")
    others = [role for user, role in roles.items() if user != change.user]
    if known is Role.PI and change.role is not Role.PI and Role.PI not in others:
        raise Conflict(f"{change.user} is the last PI of {change.project}: make somebody else PI first.")


def _settle(connection: Connection, change: MemberChange, audit: AuditEntry) -> None:
    """Who is a member by another way waits for nothing any more."""
    for table, outcome in ((join_requests, Outcome.ACCEPTED), (invitations, Outcome.WITHDRAWN)):
        mine = (table.c.project == change.project, table.c.user == change.user)
        end_open(connection, table, outcome, audit, *mine)
