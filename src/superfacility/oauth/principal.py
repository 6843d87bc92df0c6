"""Who calls, with what power, from where."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import ProjectName, User
from superfacility.oauth.applications import GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SCOPES, Scope, SecurityLevel


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request: level and scopes are read from the client's record, not believed from its token.

    Where a person has logged in to an application, `client_id` is the application's and `grant` what they allowed it.
    """

    user: User
    client_id: ClientId
    level: SecurityLevel
    scopes: frozenset[Scope]
    address: str
    expires_at: datetime
    grant: GrantId | None = None
    project: ProjectName | None = None
    """The one project that a client is bound to."""
    globus: bool = True
    """Whether it may move data between named endpoints where the facility asks clients for that."""

    @property
    def power(self) -> SecurityLevel:
        """The highest level that its scopes need: a red client that was given those of files alone has orange's."""
        return max((SCOPES[scope].level for scope in self.scopes), default=SecurityLevel.GREEN)

    @property
    def caller(self) -> str:
        """Whose requests are counted and remembered together: an application's are each person's own."""
        return self.client_id if self.grant is None else f"{self.client_id}/{self.user.name}"

    def audit(self, at: datetime, action: str, target: str, detail: str = "") -> AuditEntry:
        """The row that tells of what the caller does."""
        return AuditEntry(at, self.user.name, action, target, self.client_id, self.address, detail)
