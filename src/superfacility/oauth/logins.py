"""People who have logged in at our own pages with a browser, and the port that remembers their sessions."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName


@dataclass(frozen=True, slots=True)
class LoginSession:
    """One browser of one person. `key` is the SHA-256 (hex) of the secret in its cookie: we keep no secret.

    `provider` is the identity provider's name in the settings, or `accounts` for a built-in account. `methods` say how
    the person has proven themselves, as RFC 8176 names them (`pwd`, `otp`, `mfa`). Times are aware, UTC.
    """

    key: str
    user: UserName
    provider: str
    methods: tuple[str, ...]
    logged_in_at: datetime
    seen_at: datetime
    expires_at: datetime
    upstream_id_token: str | None = None
    """What the identity provider wants to see again at logout."""


class LoginSessionStore(Protocol):
    """Remembers sessions. Every change is committed together with its audit row."""

    async def session(self, key: str) -> LoginSession | None:
        """Also an expired one; None after its end."""

    async def begin(self, session: LoginSession, audit: AuditEntry) -> None: ...

    async def see(self, key: str, at: datetime) -> None:
        """Remember when it was used last; nothing happens if it is not there."""

    async def end(self, key: str, audit: AuditEntry) -> None:
        """Nothing happens if it is not there."""

    async def end_all(self, user: UserName, audit: AuditEntry) -> int:
        """Of one person, on all browsers; returns how many there were."""

    async def of(self, user: UserName) -> Sequence[LoginSession]:
        """Of one person, newest first; also expired ones."""

    async def forget(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
