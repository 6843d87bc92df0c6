"""Access tokens, and the port through which a connection gets them."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from superfacility.core.clock import Clock

EARLY = timedelta(seconds=60)
"""A token is replaced this long before it ends; a tenth of its life, if that is shorter."""


@dataclass(frozen=True, slots=True)
class AccessToken:
    """`expires_at` by this machine's clock, counted from when it was received; None where nobody said."""

    value: str
    received_at: datetime
    expires_at: datetime | None = None
    scope: str = ""

    @classmethod
    def received(cls, answer: Mapping[str, Any], clock: Clock) -> "AccessToken":
        now, seconds = clock.now(), answer.get("expires_in")
        expires = now + timedelta(seconds=float(seconds)) if seconds is not None else None
        return cls(str(answer["access_token"]), now, expires, str(answer.get("scope") or ""))

    def lasts(self, now: datetime) -> bool:
        """Whether a request that starts now will be over before it ends."""
        if self.expires_at is None:
            return True
        early = min(EARLY, (self.expires_at - self.received_at) / 10)
        return self.received_at <= now < self.expires_at - early

    def __repr__(self) -> str:
        return f"AccessToken(…, expires_at={self.expires_at})"


class TokenEndpoint(Protocol):
    """The token service of a facility."""

    async def url(self) -> str:
        """Where it is, which is also whom a signed proof is for."""

    async def ask(self, form: Mapping[str, str]) -> Mapping[str, Any]:
        """The answer to one request; `NotAuthenticated` in the service's words. It is sent once."""


class Credentials(Protocol):
    """What a connection has to show."""

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        """A token that lasts for a request, and is not the one that was `refused`; None for an anonymous caller."""


class Anonymous:
    """Reads what is public."""

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        return None


@dataclass(frozen=True, slots=True, repr=False)
class PlainToken:
    """A token that came from elsewhere; it cannot be renewed here."""

    value: str

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        return self.value


def claims(token: str) -> Mapping[str, Any]:
    """What a JWT says of itself, unverified: for showing to people, never for deciding."""
    try:
        payload = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
