"""Invitations and requests to join."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, insert, or_, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.stores.membership.changes import change_member, change_project
from superfacility.adapters.sql.stores.membership.people_rows import require_project, require_user
from superfacility.adapters.sql.stores.membership.rows import invitation_of, invitation_row, request_of, request_row
from superfacility.adapters.sql.tables import invitations, join_requests, memberships
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound, TooMany
from superfacility.facility.membership.admissions import (
    Ending,
    Invitation,
    InvitationId,
    JoinRequest,
    JoinRequestId,
    MemberChange,
    Outcome,
    ProjectChange,
)
from superfacility.facility.people import ProjectName, UserName

_DAY = timedelta(days=1)
_OPEN = Outcome.OPEN.value


class SqlAdmissions:
    """`Admissions` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change_member(self, change: MemberChange, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            change_member(connection, change, audit)
            add_entry(connection, audit)

        await self._database.write(write)

    async def change_project(self, change: ProjectChange, audit: AuditEntry) -> None:
        def write(connection: Connection) -> None:
            change_project(connection, change)
            add_entry(connection, audit)

        await self._database.write(write)

    async def invite(self, invitation: Invitation, audit: AuditEntry, *, most_a_day: int) -> None:
        table, who, now = invitations.c, invitation.invited, invitation.created_at
        addressed = table.user == invitation.user if invitation.user else table.email == invitation.email

        def write(connection: Connection) -> None:
            require_project(connection, invitation.project)
            if invitation.user is not None:
                require_user(connection, invitation.user)
                if _is_member(connection, invitation.project, invitation.user):
                    raise Conflict(f"{who} is a member of {invitation.project} already.")
            if _open(connection, invitations, now, table.project == invitation.project, addressed):
                raise Conflict(f"{who} is invited to {invitation.project} already: withdraw that first.")
            _check_day(connection, invitations, now, most_a_day, table.invited_by == invitation.invited_by)
            connection.execute(insert(invitations).values(invitation_row(invitation)))
            add_entry(connection, audit)

        await self._database.write(write)

    async def invitation(self, invitation_id: InvitationId) -> Invitation | None:
        found = await self._rows(invitations, invitations.c.id == invitation_id)
        return invitation_of(found[0]) if found else None

    async def invitation_of(self, digest: str) -> Invitation | None:
        found = await self._rows(invitations, invitations.c.digest == digest)
        return invitation_of(found[0]) if found else None

    async def invitations(
        self, *, project: ProjectName | None = None, user: UserName | None = None, email: str | None = None
    ) -> Sequence[Invitation]:
        conditions = [] if project is None else [invitations.c.project == project]
        to = [] if user is None else [invitations.c.user == user]
        to += [] if email is None else [invitations.c.email == email]
        if to:
            conditions.append(or_(*to))
        return [invitation_of(row) for row in await self._rows(invitations, *conditions)]

    async def end_invitation(
        self, invitation_id: InvitationId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        await self._end(invitations, "invitation", invitation_id, ending, audit, change)

    async def ask(self, request: JoinRequest, audit: AuditEntry, *, most_a_day: int) -> None:
        table, now = join_requests.c, request.created_at
        mine = table.user == request.user

        def write(connection: Connection) -> None:
            require_user(connection, request.user)
            if _open(connection, join_requests, now, table.project == request.project, mine):
                raise Conflict(f"You have asked to join {request.project} already: wait for the answer.")
            _check_day(connection, join_requests, now, most_a_day, mine)
            connection.execute(insert(join_requests).values(request_row(request)))
            add_entry(connection, audit)

        await self._database.write(write)

    async def request(self, request_id: JoinRequestId) -> JoinRequest | None:
        found = await self._rows(join_requests, join_requests.c.id == request_id)
        return request_of(found[0]) if found else None

    async def requests(
        self, *, project: ProjectName | None = None, user: UserName | None = None
    ) -> Sequence[JoinRequest]:
        conditions = [] if project is None else [join_requests.c.project == project]
        conditions += [] if user is None else [join_requests.c.user == user]
        return [request_of(row) for row in await self._rows(join_requests, *conditions)]

    async def end_request(
        self, request_id: JoinRequestId, ending: Ending, audit: AuditEntry, *, change: MemberChange | None = None
    ) -> None:
        await self._end(join_requests, "request", request_id, ending, audit, change)

    async def forget(self, before: datetime) -> int:
        def write(connection: Connection) -> int:
            over = [
                delete(table).where(func.coalesce(table.c.ended_at, table.c.expires_at) < before)
                for table in (invitations, join_requests)
            ]
            return sum(connection.execute(statement).rowcount for statement in over)

        return await self._database.write(write)

    async def _end(
        self, table: Table, kind: str, key: str, ending: Ending, audit: AuditEntry, change: MemberChange | None
    ) -> None:
        def write(connection: Connection) -> None:
            row = connection.execute(select(table).where(table.c.id == key)).one_or_none()
            if row is None:
                raise NotFound(f"There is no such {kind}.")
            outcome = (invitation_of(row) if table is invitations else request_of(row)).outcome_at(ending.at)
            if outcome is not Outcome.OPEN:
                raise Conflict(f"This {kind} is over: {outcome}.")
            ended = {"outcome": ending.outcome.value, "ended_at": ending.at, "ended_by": ending.by}
            connection.execute(update(table).where(table.c.id == key).values(ended))
            if change is not None:
                change_member(connection, change, audit)
            add_entry(connection, audit)

        await self._database.write(write)

    async def _rows(self, table: Table, *conditions: ColumnElement[bool]) -> Sequence[Any]:
        query = select(table).where(*conditions).order_by(table.c.created_at.desc(), table.c.id.desc())
        return await self._database.read(lambda connection: connection.execute(query).all())


def _is_member(connection: Connection, project: ProjectName, user: UserName) -> bool:
    mine = (memberships.c.project == project, memberships.c.user == user)
    return connection.scalar(select(memberships.c.id).where(*mine)) is not None


def _open(connection: Connection, table: Table, now: datetime, *conditions: ColumnElement[bool]) -> bool:
    still = (table.c.outcome == _OPEN, table.c.expires_at > now)
    return connection.scalar(select(table.c.id).where(*still, *conditions).limit(1)) is not None


def _check_day(connection: Connection, table: Table, now: datetime, most: int, mine: ColumnElement[bool]) -> None:
    query = select(func.count()).select_from(table).where(mine, table.c.created_at > now - _DAY)
    if (connection.scalar(query) or 0) >= most:
        raise TooMany(
            f"{most} {'invitations' if table is invitations else 'requests'} a day are enough: go on tomorrow.",
            retry_after=3600,
        )
