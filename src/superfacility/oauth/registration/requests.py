"""Requests for clients that staff decide, and the port that remembers them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.clients import Client, ClientId, ClientKey
from superfacility.oauth.scopes import Scope, SecurityLevel

RequestId = NewType("RequestId", str)


class RequestState(StrEnum):
    """How far a request has come. All but the first are final."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class ClientRequest:
    """A client as somebody wants it, for longer than is given without a look. `lifetime` counts from the approval.

    `requester` asks for a client that acts as `user`: themselves, or an account that they manage.
    """

    id: RequestId
    requester: UserName
    user: UserName
    name: str
    level: SecurityLevel
    scopes: frozenset[Scope]
    ranges: tuple[str, ...]
    keys: tuple[ClientKey, ...]
    lifetime: timedelta
    purpose: str
    created_at: datetime
    comments: str = ""
    project: ProjectName | None = None
    globus: bool = False
    strict: bool = False
    dpop: bool = False
    state: RequestState = RequestState.PENDING
    decided_at: datetime | None = None
    decided_by: str | None = None
    reason: str = ""
    client_id: ClientId | None = None
    """The client that was made of it."""


class ClientRequestStore(Protocol):
    """Remembers requests. Every change is committed together with its audit rows."""

    async def request(self, request_id: RequestId) -> ClientRequest | None: ...

    async def requests(
        self, *, requester: UserName | None = None, state: RequestState | None = None
    ) -> Sequence[ClientRequest]:
        """Newest first."""

    async def ask(self, request: ClientRequest, audit: AuditEntry, *, at_most: int | None = None) -> None:
        """Add one. `Conflict` beyond the `at_most` that its requester may have pending, `NotFound` for a user that is
        not there."""

    async def conclude(
        self,
        request: ClientRequest,
        audit: Sequence[AuditEntry],
        client: Client | None = None,
        *,
        at_most: int | None = None,
    ) -> None:
        """End a pending request as `request` says, and make its `client` in the same transaction, as
        `ClientStore.save` does. `Conflict` unless it is pending: of two at once, one wins. `NotFound` if there is
        none."""
