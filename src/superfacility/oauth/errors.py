"""How the token service says no.

AccessRefused (NotPermitted)   on the API: who calls, from where, with what; told apart by `reason`
OAuthError                     at the token endpoint, as RFC 6749 section 5.2 words it
NotGenuine                     a signed token that is not what it claims to be; its text is for logs, not for callers
"""

from enum import Enum, auto

from superfacility.facility.errors import NotPermitted
from superfacility.oauth.scopes import Scope


class Reason(Enum):
    """Why access was refused."""

    NO_TOKEN = auto()
    BAD_TOKEN = auto()
    EXPIRED_TOKEN = auto()
    WRONG_ADDRESS = auto()
    REVOKED_CLIENT = auto()
    EXPIRED_CLIENT = auto()
    MISSING_SCOPE = auto()
    BAD_PROOF = auto()


class AccessRefused(NotPermitted):
    """The caller is not let in. The message tells the person what to do; `www_authenticate` tells programs."""

    def __init__(self, reason: Reason, detail: str, *, scope: Scope | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.scope = scope
        self.resource_metadata: str | None = None
        """Where programs learn how to get a token (RFC 9728)."""

    @property
    def www_authenticate(self) -> str:
        """The challenge of RFC 6750 section 3, or of RFC 9449 for a bad proof of possession; without an error code
        where no token was shown."""
        if self.reason is Reason.NO_TOKEN:
            parts = ['Bearer realm="superfacility"']
        else:
            scheme = "DPoP" if self.reason is Reason.BAD_PROOF else "Bearer"
            error = _CHALLENGES.get(self.reason, "invalid_token")
            parts = [f'{scheme} error="{error}"', f'error_description="{_quotable(str(self))}"']
        if self.scope is not None:
            parts.append(f'scope="{self.scope.value}"')
        if self.resource_metadata is not None:
            parts.append(f'resource_metadata="{self.resource_metadata}"')
        return ", ".join(parts)


_CHALLENGES = {Reason.MISSING_SCOPE: "insufficient_scope", Reason.BAD_PROOF: "invalid_dpop_proof"}


def _quotable(text: str) -> str:
    """What RFC 6750 allows in a description: printable ASCII without quotes and backslashes."""
    return "".join(c if " " <= c <= "~" and c not in '"\\' else "'" for c in text)


class OAuthError(Exception):
    """An answer of the token endpoint. `error` is the code of RFC 6749, `status` the HTTP status that goes with it."""

    def __init__(self, error: str, description: str, status: int = 400, *, retry_after: int | None = None) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description
        self.status = status
        self.retry_after = retry_after


class NotGenuine(Exception):
    """Not a token that we accept."""
