"""Who did what. A row of audit is written in the same transaction as the change it tells of."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


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


class AuditLog(Protocol):
    """Reads what stores wrote; writing is part of each store's own transaction."""

    async def entries(
        self, *, actor: str | None = None, action: str | None = None, limit: int = 100
    ) -> Sequence[AuditEntry]:
        """Newest first."""

    async def append(self, entry: AuditEntry) -> None:
        """For acts without a row of their own in our database."""
