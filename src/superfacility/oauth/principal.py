"""Who calls, with what power, from where."""

from dataclasses import dataclass
from datetime import datetime

from superfacility.facility.people import User
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import Scope, SecurityLevel


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller of one request: level and scopes are read from the client's record, not believed from its token."""

    user: User
    client_id: ClientId
    level: SecurityLevel
    scopes: frozenset[Scope]
    address: str
    expires_at: datetime
