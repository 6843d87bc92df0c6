"""Registered programs, and the ports that remember them and their used assertions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.oauth.scopes import Scope, SecurityLevel

ClientId = NewType("ClientId", str)


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key of a client as a JWK (RFC 7517). Private parts are never accepted."""

    jwk: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """A program that acts as `user`. `ranges` are CIDRs it may call from. Times are aware, UTC.

    `scopes` are what it may use: all of its level, or fewer.
    """

    id: ClientId
    user: UserName
    name: str
    level: SecurityLevel
    scopes: frozenset[Scope]
    ranges: tuple[str, ...]
    keys: tuple[ClientKey, ...]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    comments: str = ""


class ClientStore(Protocol):
    """Remembers clients. Every change raises `generation` in its own transaction, together with the audit row."""

    def generation(self) -> int:
        """Grows with every change that any process has committed before this call began. Costs microseconds, never
        waits: it is read at each request, before a cached token is believed."""

    async def client(self, client_id: ClientId) -> Client | None:
        """Also if expired or revoked."""

    async def clients(self, *, user: UserName | None = None) -> Sequence[Client]:
        """Newest first, also expired and revoked ones."""

    async def save(self, client: Client, audit: AuditEntry, *, new: bool = False) -> None:
        """Add or replace. `Conflict` for a new id that is taken, `NotFound` for a user or client that is not there."""

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        """Also cancels the client's tasks that have not started, in the same transaction."""

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None: ...


class AssertionLog(Protocol):
    """Remembers used assertions until they expire."""

    async def use(self, client_id: ClientId, jti: str, expires_at: datetime) -> bool:
        """True for the first use, durably committed before it returns; False ever after, in every process."""

    async def forget(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
