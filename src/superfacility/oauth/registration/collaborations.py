"""Accounts that several people manage: programs act as them, nobody is them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, UserName


@dataclass(frozen=True, slots=True)
class CollaborationAccount:
    """Who may make clients that act as `user`: those who manage the `project`, and the `managers` by name."""

    user: UserName
    project: ProjectName | None = None
    managers: tuple[UserName, ...] = ()


class CollaborationAccounts(Protocol):
    """Remembers them. Every change is committed together with its audit row, and raises the `generation` of
    `ClientStore`: who manages an account no more has no use of its clients."""

    async def account(self, user: UserName) -> CollaborationAccount | None: ...

    async def accounts(self) -> Sequence[CollaborationAccount]:
        """Ordered by name."""

    async def save(self, account: CollaborationAccount, audit: AuditEntry) -> None:
        """Add or replace; `NotFound` for a user or project that is not there."""

    async def remove(self, user: UserName, audit: AuditEntry) -> None:
        """It becomes an ordinary user again; `NotFound` if it was none."""
