"""Who calls, with what power, from where."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import User
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SCOPES, Scope, SecurityLevel


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request: level and scopes are read from the client's record, not believed from its token."""

    user: User
    client_id: ClientId
    level: SecurityLevel
    scopes: frozenset[Scope]
    address: str
    expires_at: datetime

    @property
    def power(self) -> SecurityLevel:
        """The highest level that its scopes need: a red client that was given those of files alone has orange's."""
        return max((SCOPES[scope].level for scope in self.scopes), default=SecurityLevel.GREEN)

    def audit(self, at: datetime, action: str, target: str, detail: str = "") -> AuditEntry:
        """The row that tells of what the caller does."""
        return AuditEntry(at, self.user.name, action, target, self.client_id, self.address, detail)
