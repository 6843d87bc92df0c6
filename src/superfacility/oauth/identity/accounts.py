"""Built-in accounts of people, and the links by which they set a password."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName


@dataclass(frozen=True, slots=True)
class Account:
    """What one person logs in with. Nothing here is a secret that can be used: `password` is an Argon2id hash, `totp`
    is sealed, `recovery` are keyed hashes of codes that have not been used.

    `totp_step` is the last time step whose code was taken (RFC 6238): that one and all before it are spent.
    """

    user: UserName
    password: str | None
    changed_at: datetime
    totp: str | None = None
    totp_step: int = 0
    recovery: tuple[str, ...] = ()


class LinkPurpose(StrEnum):
    """Why somebody got a link."""

    INVITATION = "invitation"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class LoginLink:
    """A link that sets a password, once. `digest` is the SHA-256 (hex) of its secret."""

    digest: str
    user: UserName
    purpose: LinkPurpose
    expires_at: datetime


class AccountStore(Protocol):
    """Remembers accounts. Every change is committed together with its audit row; `NotFound` for a user not there."""

    async def account(self, user: UserName) -> Account | None: ...

    async def set_password(self, user: UserName, password: str, audit: AuditEntry) -> None:
        """Also ends all sessions of the user, and takes back every link. An account that is not there is made."""

    async def rehash(self, user: UserName, old: str, new: str) -> None:
        """The same password hashed anew; nothing happens if it has been changed meanwhile."""

    async def set_second_factor(
        self, user: UserName, totp: str | None, step: int, recovery: tuple[str, ...], audit: AuditEntry
    ) -> None:
        """None takes it away. `step` is spent already."""

    async def set_recovery(self, user: UserName, recovery: tuple[str, ...], audit: AuditEntry) -> None:
        """In place of all codes before."""

    async def use_step(self, user: UserName, step: int) -> bool:
        """Whether that time step and all later ones were unspent; it is spent then."""

    async def use_recovery(self, user: UserName, digest: str, audit: AuditEntry) -> bool:
        """Whether there was such a code; it is spent then."""

    async def add_link(self, link: LoginLink, audit: AuditEntry) -> None:
        """In place of the user's earlier links."""

    async def link(self, digest: str) -> LoginLink | None:
        """Also an expired one."""

    async def use_link(self, link: LoginLink, password: str, audit: AuditEntry) -> bool:
        """`set_password`, if the link is still there; it is spent then."""

    async def forget_links(self, before: datetime) -> int:
        """Drop those that expired before; returns how many."""
