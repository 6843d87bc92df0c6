"""Requests for clients that staff decide."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from superfacility.adapters.sql.engine.database import Database
from superfacility.adapters.sql.stores.access.clients import add_client, keys_kept, keys_read, raise_generation
from superfacility.adapters.sql.stores.audit.log import add_entry
from superfacility.adapters.sql.tables import client_requests, users
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.registration.requests import ClientRequest, RequestId, RequestState
from superfacility.oauth.scopes import Scope, SecurityLevel


class SqlClientRequestStore:
    """`ClientRequestStore` over the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(self, request_id: RequestId) -> ClientRequest | None:
        query = select(client_requests).where(client_requests.c.id == request_id)
        try:
            row = await self._database.read(lambda connection: connection.execute(query).one_or_none())
        except InvalidInput:  # an id that is not even text
            return None
        return None if row is None else _request(row)

    async def requests(
        self, *, requester: UserName | None = None, state: RequestState | None = None
    ) -> Sequence[ClientRequest]:
        query = select(client_requests).order_by(client_requests.c.created_at.desc(), client_requests.c.id)
        if requester is not None:
            query = query.where(client_requests.c.requester == requester)
        if state is not None:
            query = query.where(client_requests.c.state == state.value)
        return [_request(row) for row in await self._database.read(lambda connection: connection.execute(query).all())]

    async def ask(self, request: ClientRequest, audit: AuditEntry, *, at_most: int | None = None) -> None:
        def change(connection: Connection) -> None:
            for name in (request.requester, request.user):
                if connection.scalar(select(users.c.name).where(users.c.name == name)) is None:
                    raise NotFound(f"There is no user {name}: add it first.")
            if at_most is not None and _pending_of(connection, request.requester) >= at_most:
                raise Conflict(f"{at_most} requests of yours wait for staff: withdraw those that you do not need.")
            connection.execute(insert(client_requests).values(_row(request)))
            add_entry(connection, audit)

        await self._database.write(change)

    async def conclude(
        self,
        request: ClientRequest,
        audit: Sequence[AuditEntry],
        client: Client | None = None,
        *,
        at_most: int | None = None,
    ) -> None:
        waits = (client_requests.c.id == request.id, client_requests.c.state == RequestState.PENDING.value)

        def change(connection: Connection) -> None:
            if not connection.execute(update(client_requests).where(*waits).values(_row(request))).rowcount:
                raise _why_not(connection, request.id)
            if client is not None:
                add_client(connection, client, at_most)
                raise_generation(connection)
            for entry in audit:
                add_entry(connection, entry)

        await self._database.write(change)


def _pending_of(connection: Connection, requester: UserName) -> int:
    waiting = (client_requests.c.requester == requester, client_requests.c.state == RequestState.PENDING.value)
    return connection.scalar(select(func.count()).select_from(client_requests).where(*waiting)) or 0


def _why_not(connection: Connection, request_id: RequestId) -> NotFound | Conflict:
    found = connection.scalar(select(client_requests.c.state).where(client_requests.c.id == request_id))
    if found is None:
        return NotFound(f"There is no request {request_id}.")
    return Conflict(f"The request {request_id} was {found} already.")


def _row(request: ClientRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "requester": request.requester,
        "user": request.user,
        "name": request.name,
        "level": request.level.label,
        "scopes": sorted(request.scopes),
        "ranges": list(request.ranges),
        "keys": keys_kept(request.keys),
        "seconds": int(request.lifetime.total_seconds()),
        "purpose": request.purpose,
        "created_at": request.created_at,
        "comments": request.comments,
        "project": request.project,
        "globus": request.globus,
        "strict": request.strict,
        "dpop": request.dpop,
        "state": request.state.value,
        "decided_at": request.decided_at,
        "decided_by": request.decided_by,
        "reason": request.reason,
        "client_id": request.client_id,
    }


def _request(row: Any) -> ClientRequest:
    return ClientRequest(
        id=RequestId(row.id),
        requester=UserName(row.requester),
        user=UserName(row.user),
        name=row.name,
        level=SecurityLevel.from_label(row.level),
        scopes=frozenset(Scope(scope) for scope in row.scopes),
        ranges=tuple(row.ranges),
        keys=keys_read(row.keys),
        lifetime=timedelta(seconds=row.seconds),
        purpose=row.purpose,
        created_at=row.created_at,
        comments=row.comments,
        project=None if row.project is None else ProjectName(row.project),
        globus=bool(row.globus),
        strict=bool(row.strict),
        dpop=bool(row.dpop),
        state=RequestState(row.state),
        decided_at=row.decided_at,
        decided_by=row.decided_by,
        reason=row.reason,
        client_id=None if row.client_id is None else ClientId(row.client_id),
    )
