"""Short-lived secrets that stand for a grant, or for one to come, and the port that remembers them.

Each is kept by the digest of its secret; the secret itself is nowhere but with the program that it was handed to.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import Scope


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """What an application exchanges for tokens, once. `challenge` is of PKCE's S256; `key_thumbprint` was announced."""

    key: str
    grant: GrantId
    application: ClientId
    redirect_uri: str
    challenge: str
    expires_at: datetime
    nonce: str | None = None
    key_thumbprint: str | None = None
    used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """`expires_at` is when it dies unused. All of one grant are one family: one that comes again ends the grant."""

    key: str
    grant: GrantId
    application: ClientId
    expires_at: datetime
    used_at: datetime | None = None


class Decision(StrEnum):
    """What the person has said to a device."""

    PENDING = "pending"
    ALLOWED = "allowed"
    DENIED = "denied"
    USED = "used"


@dataclass(frozen=True, slots=True)
class DeviceRequest:
    """A device that waits until a person types its code elsewhere (RFC 8628). `address` is the device's.

    `interval` is how many seconds it leaves between two questions; it grows when it asks too soon.
    """

    key: str
    user_code: str
    """The digest of the code as `plain_user_code` writes it."""
    application: ClientId
    scopes: frozenset[Scope]
    identity: frozenset[str]
    address: str
    created_at: datetime
    expires_at: datetime
    interval: int
    asked_at: datetime | None = None
    decision: Decision = Decision.PENDING
    grant: GrantId | None = None


@dataclass(frozen=True, slots=True)
class PushedRequest:
    """A request for authorization that came by the back channel (RFC 9126)."""

    key: str
    application: ClientId
    parameters: Mapping[str, str]
    expires_at: datetime


class TicketStore(Protocol):
    """Remembers tickets. What is used up is used up once among all processes, durably, before a call returns."""

    async def add_code(self, code: AuthorizationCode, grant: Grant, pushed: str | None, audit: AuditEntry) -> bool:
        """Together with its grant; uses up the pushed request of this key. False, and nothing is kept, where that has
        been used up before."""

    async def code(self, key: str) -> AuthorizationCode | None:
        """Also if used or expired."""

    async def use_code(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        """Use it up, bind its grant to the key, and keep the refresh token. False where it was used before."""

    async def refresh_token(self, key: str) -> RefreshToken | None:
        """Also if used or expired."""

    async def rotate(self, key: str, at: datetime, successor: RefreshToken, audit: AuditEntry) -> bool:
        """Use one up and keep the next; False where it was used before."""

    async def prolong(self, key: str, expires_at: datetime, audit: AuditEntry) -> bool:
        """A token that is bound to a key stays, and has been used; False where it is not there or used up."""

    async def add_device(self, request: DeviceRequest) -> bool:
        """False where the user code is taken."""

    async def device(self, key: str) -> DeviceRequest | None: ...

    async def device_of(self, user_code: str) -> DeviceRequest | None:
        """By the digest of the user code."""

    async def asked(self, key: str, at: datetime, interval: int) -> None:
        """The device has asked."""

    async def decide(self, key: str, grant: Grant | None, audit: AuditEntry) -> bool:
        """The person has allowed it (a grant) or denied it; False where that was said before."""

    async def use_device(
        self, key: str, at: datetime, thumbprint: str | None, refresh: RefreshToken | None, audit: AuditEntry
    ) -> bool:
        """The device takes its tokens; False where it has done so before, or nobody has allowed it."""

    async def push(self, request: PushedRequest) -> None: ...

    async def pushed(self, key: str) -> PushedRequest | None: ...

    async def guess(self, user: UserName, at: datetime, since: datetime, limit: int) -> bool:
        """Note that somebody types a code; False, and nothing is noted, where there have been `limit` of them since."""

    async def forget(self, before: datetime) -> int:
        """Drop what expired before; returns how many."""
