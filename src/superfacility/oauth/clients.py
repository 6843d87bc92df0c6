"""Registered programs, and the ports that remember them and their used assertions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NewType, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.scopes import BOUND_SCOPES, Scope, SecurityLevel

ClientId = NewType("ClientId", str)
MADE_IN_A_DAY = 10
"""Times as many as a user may have in force, that are made for them in a day. A client is never forgotten."""


@dataclass(frozen=True, slots=True)
class ClientKey:
    """A public key of a client as a JWK (RFC 7517). Private parts are never accepted. One that was replaced is good
    until `until`."""

    jwk: Mapping[str, Any]
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A program that acts as `user`. `ranges` are CIDRs it may call from. Times are aware, UTC.

    `scopes` are what it may use: all of its level, or fewer. A client with a `project` is bound to it: its jobs, files
    and transfers are that project's alone. `globus` says whether it may move data between named endpoints where the
    facility asks for that. `made_by` is the client that made it, if no person did: it ends with that one.
    `holder` is the person who has its key, if that is not its user: it works while they may act as the user.
    `strict` clients prove themselves as FAPI 2.0 asks for, whatever the service takes from others; tokens of one with
    `dpop` work with its key alone (RFC 9449).
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
    project: ProjectName | None = None
    globus: bool = False
    made_by: ClientId | None = None
    renewed_at: datetime | None = None
    strict: bool = False
    dpop: bool = False
    holder: UserName | None = None

    def keys_at(self, now: datetime) -> tuple[ClientKey, ...]:
        """Those that it may prove itself with."""
        return tuple(key for key in self.keys if key.until is None or key.until > now)

    def in_force(self, now: datetime) -> bool:
        return self.revoked_at is None and self.expires_at > now

    @property
    def usable_scopes(self) -> frozenset[Scope]:
        """Of one that is bound to a project, those where the bound is enforced."""
        return self.scopes if self.project is None else self.scopes & BOUND_SCOPES

    @property
    def lifetime(self) -> timedelta:
        """That it was given last."""
        return self.expires_at - (self.renewed_at or self.created_at)


class ClientStore(Protocol):
    """Remembers clients. Every change raises `generation` in its own transaction, together with the audit row."""

    async def generation(self) -> int:
        """Grows with every change that any process has committed before this call began. Costs microseconds, never
        waits: it is read at each request, before a cached token is believed."""

    async def client(self, client_id: ClientId) -> Client | None:
        """Also if expired or revoked."""

    async def clients(self, *, user: UserName | None = None, holder: UserName | None = None) -> Sequence[Client]:
        """Newest first, also expired and revoked ones."""

    async def save(
        self,
        client: Client,
        audit: AuditEntry,
        *,
        new: bool = False,
        at_most: int | None = None,
        old: Client | None = None,
    ) -> None:
        """Add or replace.

        `Conflict` for a new id that is taken, for one beyond the `at_most` that its user may have in force, for a new
        one whose maker was revoked meanwhile, and for one that is not as the `old` any more that a change was made
        from: two at once must not undo each other. Of a new one `old` is its maker, which may have lost something.
        `TooMany` for a new one of which `MADE_IN_A_DAY` times `at_most` were made within a day.
        `NotFound` for a user, project or client that is not there. What was revoked stays revoked: `Conflict` for a
        change of it."""

    async def revoke(self, client_id: ClientId, at: datetime, audit: AuditEntry) -> None:
        """With all clients that it has made, and those that they have. Also cancels their tasks that have not started,
        in the same transaction."""

    async def remove(self, client_id: ClientId, audit: AuditEntry) -> None:
        """Those that it has made are revoked."""


class AssertionLog(Protocol):
    """Remembers used assertions until they expire."""

    async def use(self, client_id: ClientId, jti: str, expires_at: datetime) -> bool:
        """True for the first use, durably committed before it returns; False ever after, in every process."""

    async def forget(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
