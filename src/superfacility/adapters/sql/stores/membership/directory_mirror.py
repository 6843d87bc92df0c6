"""The copy of the site's directory: users, and the entries that they are tied to."""

from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from superfacility.adapters.sql.engine.counters import raise_counter
from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.access.clients import GENERATION, ordered_by
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.membership.people_rows import (
    end_open,
    remove_member,
    require_same_user,
    set_role,
    user_of,
    user_row,
)
from superfacility.adapters.sql.stores.tasks.changes import cancel_unstarted
from superfacility.adapters.sql.tables import (
    client_requests,
    collaborations,
    group_members,
    invitations,
    join_requests,
    login_accounts,
    login_identities,
    login_links,
    login_sessions,
    memberships,
    users,
)
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict
from superfacility.facility.membership.admissions import Outcome
from superfacility.facility.membership.directory import DirectoryLink, Mirrored, MirrorStep
from superfacility.facility.people import ProjectName, Role, UserName
from superfacility.oauth.registration.requests import RequestState

HERE, AWAY = "directory", "directory/away"
"""What the table of identities says of entries: in force, or not. No identity provider can have these names."""
_tie = login_identities.c


class SqlDirectoryMirror:
    """`DirectoryMirror` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def everybody(self) -> Mapping[UserName, Mirrored]:
        return await self._database.read(lambda connection: _found(connection, users.c.name.is_not(None)))

    async def one(self, name: UserName) -> Mirrored | None:
        found = await self._database.read(lambda connection: _found(connection, users.c.name == name))
        return found.get(name)

    async def apply(self, steps: Sequence[MirrorStep]) -> None:
        def change(connection: Connection) -> None:
            for step in steps:
                try:
                    _apply(connection, step)
                except IntegrityError as problem:
                    name, uid = step.user.name, step.user.uid
                    raise Conflict(f"The number {uid} or the entry of {name} is another user's.") from problem
                add_entry(connection, step.audit)
            raise_counter(connection, GENERATION)

        if steps:
            await self._database.write(change)


def _found(connection: Connection, which: ColumnElement[bool]) -> dict[UserName, Mirrored]:
    links: dict[str, DirectoryLink] = {}
    tied = select(login_identities).join(users, users.c.name == _tie.user).where(_tie.provider.in_((HERE, AWAY)), which)
    for row in connection.execute(tied):
        links[row.user] = DirectoryLink(row.subject, row.provider == AWAY)
    with_password = select(login_accounts.c.user).join(users, users.c.name == login_accounts.c.user)
    passwords = set(connection.scalars(with_password.where(login_accounts.c.password.is_not(None), which)))
    roles: dict[str, dict[ProjectName, Role]] = {}
    belonging = select(memberships).join(users, users.c.name == memberships.c.user).where(which)
    for row in connection.execute(belonging):
        roles.setdefault(row.user, {})[ProjectName(row.project)] = Role(row.role)
    found = {}
    for row in connection.execute(select(users).where(which)):
        user = user_of(row)
        found[user.name] = Mirrored(user, links.get(user.name), user.name in passwords, roles.get(user.name, {}))
    return found


def _apply(connection: Connection, step: MirrorStep) -> None:
    name = step.user.name
    require_same_user(connection, name, step.before)
    if step.before is None:
        connection.execute(insert(users).values(user_row(step.user)))
    elif step.user != step.before:
        connection.execute(update(users).where(users.c.name == name).values(user_row(step.user)))
    if step.before is not None and step.before.active and not step.user.active:
        cancel_unstarted(connection, step.audit.at, ordered_by(name))
    if step.anew:
        _forget(connection, name, step.audit)
    connection.execute(delete(login_identities).where(_tie.user == name, _tie.provider.in_((HERE, AWAY))))
    provider, other = (AWAY, HERE) if step.link.away else (HERE, AWAY)
    taken = select(_tie.user).where(_tie.provider == other, _tie.subject == step.link.id)
    if connection.scalar(taken) is not None:
        raise Conflict(f"The entry of {name} is another user's.")
    connection.execute(insert(login_identities), {"provider": provider, "subject": step.link.id, "user": name})
    for project in step.joins:
        set_role(connection, project, name, Role.USER)
    for project in () if step.anew else step.leaves:
        remove_member(connection, project, name, step.audit)


def _forget(connection: Connection, name: UserName, audit: AuditEntry) -> None:
    """All that lets somebody in, or that they belong to."""
    for project in connection.scalars(select(memberships.c.project).where(memberships.c.user == name)).all():
        remove_member(connection, ProjectName(project), name, audit)
    end_open(
        connection,
        invitations,
        Outcome.WITHDRAWN,
        audit,
        or_(invitations.c.user == name, invitations.c.invited_by == name),
    )
    end_open(connection, join_requests, Outcome.WITHDRAWN, audit, join_requests.c.user == name)
    _withdraw_requests(connection, name, audit)
    _manage_no_more(connection, name)
    for table in (login_sessions, login_links, login_accounts, login_identities, group_members):
        connection.execute(delete(table).where(table.c.user == name))


def _withdraw_requests(connection: Connection, name: UserName, audit: AuditEntry) -> None:
    """The keys in them are the former person's."""
    theirs = or_(client_requests.c.requester == name, client_requests.c.user == name)
    ended = {"state": RequestState.WITHDRAWN.value, "decided_at": audit.at, "decided_by": audit.actor}
    waiting = client_requests.c.state == RequestState.PENDING.value
    connection.execute(update(client_requests).where(theirs, waiting).values(ended))


def _manage_no_more(connection: Connection, name: UserName) -> None:
    for row in connection.execute(select(collaborations)).all():
        if name in row.managers:
            left = [manager for manager in row.managers if manager != name]
            connection.execute(update(collaborations).where(collaborations.c.user == row.user).values(managers=left))
