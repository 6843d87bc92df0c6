"""Registered applications that people log in to, and what people have granted them.

A `Client` acts as its own user by its own key. An application (a science gateway, a command line) acts as whoever logs
in and consents: each consent is a `Grant`, and access tokens for it carry the grant's id.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NewType, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict
from superfacility.facility.people import ProjectName, UserName
from superfacility.oauth.assertions import Profile
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.oauth.scopes import SCOPES, Scope, SecurityLevel

GrantId = NewType("GrantId", str)


class Approval(StrEnum):
    """What staff say of an application."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"


IDENTITY: dict[str, str] = {
    "openid": "know who you are: your user name",
    "profile": "know your name",
    "email": "know your e-mail address",
    "offline_access": "go on while you are not at your browser, until the date on this page",
}
"""The scopes of OpenID Connect that we know, and what they mean to people."""


@dataclass(frozen=True, slots=True)
class Application:
    """A program that people log in to. Without `keys` it is public (RFC 6749 section 2.1) and proves itself by PKCE.

    Owned by a user or by a project (its PI, proxies and managers may change it); the one that comes with us has no
    owner. `level` and `scopes` are the most that it may ask for. `redirect_uris` are compared as exact text (RFC 9700
    section 2.1; the port of loopback addresses may differ, RFC 8252 section 7.3). `device` allows the device flow,
    `dpop` requires sender-constrained tokens (RFC 9449), the profile `strict` is FAPI 2.0: pushed requests, proofs of a
    minute for the issuer alone, and `dpop`. A `resource_server` may ask about any access token (RFC 7662).
    """

    id: ClientId
    name: str
    owner: UserName | None
    project: ProjectName | None
    level: SecurityLevel
    scopes: frozenset[Scope]
    redirect_uris: tuple[str, ...]
    logout_uris: tuple[str, ...]
    keys: tuple[ClientKey, ...]
    created_at: datetime
    approval: Approval
    homepage: str = ""
    profile: Profile = Profile.COMPAT
    device: bool = False
    dpop: bool = False
    resource_server: bool = False
    revoked_at: datetime | None = None

    @property
    def public(self) -> bool:
        """It can keep no secret, so it proves nothing but that the same program goes on (PKCE)."""
        return not self.keys

    @property
    def strict(self) -> bool:
        return self.profile is Profile.STRICT

    @property
    def bound(self) -> bool:
        """Its tokens work with its key alone."""
        return self.dpop or self.strict

    @property
    def fingerprint(self) -> str:
        """Of all that staff look at before they approve it: another one, and they have not looked at this."""
        parts = {
            "id": self.id,
            "name": self.name,
            "owner": self.owner,
            "project": self.project,
            "level": self.level.label,
            "scopes": sorted(self.scopes),
            "redirect_uris": self.redirect_uris,
            "logout_uris": self.logout_uris,
            "keys": [each.jwk for each in self.keys],
            "homepage": self.homepage,
            "profile": self.profile.value,
            "device": self.device,
            "dpop": self.dpop,
            "resource_server": self.resource_server,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()

    @property
    def in_force(self) -> bool:
        return self.revoked_at is None and self.approval is Approval.APPROVED


@dataclass(frozen=True, slots=True)
class Grant:
    """What one person has allowed one application, until `expires_at`. `key_thumbprint` binds it to a key (RFC 9449).

    `session` is the browser session's key that consented, None for a device. Without `offline_access` the grant ends
    with that session.
    """

    id: GrantId
    application: ClientId
    user: UserName
    scopes: frozenset[Scope]
    identity: frozenset[str]
    """Of `openid`, `email`, `profile`, `offline_access`."""
    created_at: datetime
    expires_at: datetime
    logged_in_at: datetime
    methods: tuple[str, ...]
    session: str | None = None
    key_thumbprint: str | None = None
    revoked_at: datetime | None = None

    @property
    def level(self) -> SecurityLevel:
        """The highest that its scopes need."""
        return level_needed(self.scopes)

    @property
    def offline(self) -> bool:
        return "offline_access" in self.identity


def check_name_free(application: Application, living: Iterable[tuple[ClientId, str]]) -> None:
    """`Conflict` if people could not tell it from another of them, each with its id and name."""
    name = _as_seen(application.name)
    if application.revoked_at is None and any(
        _as_seen(other) == name for number, other in living if number != application.id
    ):
        raise Conflict(f"There is an application named {application.name!r} already: people could not tell them apart.")


def _as_seen(name: str) -> str:
    """What tells names apart on a page, which makes one space of several."""
    return " ".join(name.split()).casefold()


def level_needed(scopes: frozenset[Scope]) -> SecurityLevel:
    return max((SCOPES[scope].level for scope in scopes), default=SecurityLevel.GREEN)


class ApplicationStore(Protocol):
    """Remembers applications and grants. Every change raises the same `generation` as that of `ClientStore`, in its own
    transaction, together with the audit row: no request that starts after the commit is believed wrongly."""

    async def application(self, application_id: ClientId) -> Application | None:
        """Also if pending, refused or revoked."""

    async def applications(self, *, owner: UserName | None = None) -> Sequence[Application]:
        """Newest first."""

    async def save(
        self, application: Application, audit: AuditEntry, *, new: bool = False, old: Application | None = None
    ) -> None:
        """Add or replace. `Conflict` for a new id that is taken, for a name that another one has which is not revoked
        (case does not tell them apart), and for one that is not as the `old` any more that a change was made from: else
        what staff have refused, or somebody has revoked, came back. `NotFound` for a user, project or application not
        there. One that is revoked loses its grants, and tasks that have not started."""

    async def grant(self, grant_id: GrantId) -> Grant | None:
        """Also if expired or revoked."""

    async def grants(self, *, user: UserName) -> Sequence[Grant]:
        """Of one person, newest first; only those that are not revoked."""

    async def allow(self, grant: Grant, audit: AuditEntry) -> None:
        """Add a grant."""

    async def revoke_grant(self, grant_id: GrantId, at: datetime, audit: AuditEntry) -> bool:
        """With all its tokens; cancels tasks that have not started and were made by it. False where there was nothing
        to revoke: no grant, or one that was revoked before."""

    async def end_session(self, session: str, at: datetime, audit: AuditEntry) -> int:
        """Revoke the grants of a browser session that end with it; returns how many."""

    async def forget_grants(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
