"""Identity providers of the facility, the identities that they vouch for, and the port to reach them."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName


def _secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class Visit:
    """What ties an answer of a provider to the browser that was sent there. `verifier` is PKCE's (RFC 7636)."""

    state: str = field(default_factory=_secret)
    nonce: str = field(default_factory=_secret)
    verifier: str = field(default_factory=_secret)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a provider says of a person, checked. `subject` is the one name that it never gives to anybody else."""

    subject: str
    claims: Mapping[str, Any]
    methods: tuple[str, ...]
    id_token: str


class IdentityProvider(Protocol):
    """One provider. `Unavailable` while it does not answer, `NotPermitted` for answers that prove nothing."""

    async def login_url(self, visit: Visit, redirect_uri: str) -> str:
        """Where the browser goes to log in there."""

    async def identity(self, answer: Mapping[str, str], visit: Visit, redirect_uri: str) -> Identity:
        """Who came back with that answer."""

    async def logout_url(self, id_token: str, return_to: str) -> str | None:
        """Where the browser logs out there; None if the provider has no such place."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, in full; it is never a redirect that was followed."""

    status: int
    media_type: str
    body: bytes


class HttpExchange(Protocol):
    """How providers are asked."""

    def check(self, url: str) -> None:
        """`InvalidInput` for an address that may not be asked."""

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """`InvalidInput` or `NotPermitted` for an address that may not be asked, `Unavailable` if nobody answers."""

    async def aclose(self) -> None: ...


class IdentityStore(Protocol):
    """Remembers whose identities they are: names are given to others one day, subjects are not."""

    async def owner(self, provider: str, subject: str) -> UserName | None: ...

    async def subjects(self, provider: str, user: UserName) -> tuple[str, ...]: ...

    async def link(self, provider: str, subject: str, user: UserName, audit: AuditEntry) -> None:
        """`Conflict` if it is somebody's already."""

    async def unlink(self, user: UserName, audit: AuditEntry) -> int:
        """From all providers; returns how many there were."""
