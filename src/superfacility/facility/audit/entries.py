"""Who did what. A row of audit is written in the same transaction as the change it tells of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One mutating act.

    `actor` is the user name (for operator commands: `operator:<login name>`), `action` is `<group>.<verb>`
    (`compute.submit`), `target` names the object (`perlmutter/123`), `detail` is short text without secrets.
    """

    at: datetime
    actor: str
    action: str
    target: str
    client_id: str | None = None
    address: str | None = None
    detail: str = ""

    def said(self) -> list[int | str | None]:
        """All that it says, as it goes into proofs and seals; times are in microseconds since 1970."""
        moment = (self.at - _EPOCH) // timedelta(microseconds=1)
        return [moment, self.actor, self.action, self.target, self.client_id, self.address, self.detail]


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What to look for; what is None is not asked. `action` may end with `*`; `text` is part of target or detail.

    From `since` (inclusive) to `until` (exclusive).
    """

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    client_id: str | None = None
    address: str | None = None
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100


class AuditLog(Protocol):
    """Reads what stores wrote; writing is part of each store's own transaction."""

    async def entries(
        self, *, actor: str | None = None, action: str | None = None, limit: int = 100
    ) -> Sequence[AuditEntry]:
        """Newest first."""

    async def search(self, query: AuditQuery) -> Sequence[AuditEntry]:
        """Newest first."""

    async def append(self, entry: AuditEntry) -> None:
        """For acts without a row of their own in our database."""
