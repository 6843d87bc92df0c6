"""What a program sends to the token endpoint (RFC 6749 section 4.4, RFC 7523 section 2.2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from superfacility.oauth.assertions import invalid_client
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.scopes import SCOPE_NAMES, Scope
from superfacility.oauth.server_metadata import GRANT_TYPES

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT_TYPE = "client_credentials"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """A well-formed request; nothing in it is proven yet. `scopes` None means all that the client has."""

    assertion: str
    client_id: str | None
    scopes: frozenset[Scope] | None

    @classmethod
    def read(cls, parameters: Mapping[str, Sequence[str]]) -> "TokenRequest":
        """`OAuthError` for what is malformed. A parameter without a value counts as left out, as RFC 6749 says."""
        once = {name: _one(values) for name, values in parameters.items()}
        grant_type = once.get("grant_type")
        if not grant_type:
            raise OAuthError("invalid_request", f"grant_type is missing: send {GRANT_TYPE}.")
        if grant_type != GRANT_TYPE:
            raise OAuthError("unsupported_grant_type", f"The grant_types here are {', '.join(GRANT_TYPES)}.")
        return cls(_assertion(once), once.get("client_id") or None, _scopes(once.get("scope") or ""))


def _one(values: Sequence[str]) -> str:
    if len(values) != 1:
        raise OAuthError("invalid_request", "A parameter came more than once: send each once, in the form alone.")
    return values[0]


def _assertion(once: Mapping[str, str]) -> str:
    kind, assertion = once.get("client_assertion_type"), once.get("client_assertion")
    if not kind and not assertion:
        raise invalid_client("Prove yourself with a client_assertion, a JWT signed with your client's key (RFC 7523).")
    if not kind or not assertion:
        raise OAuthError("invalid_request", "client_assertion and client_assertion_type belong together: send both.")
    if kind != ASSERTION_TYPE:
        raise invalid_client(f"The only client_assertion_type here is {ASSERTION_TYPE}.")
    return assertion


def _scopes(text: str) -> frozenset[Scope] | None:
    wanted = text.split()
    if any(name not in SCOPE_NAMES for name in wanted):
        raise OAuthError("invalid_scope", "The scope names one that does not exist here.")
    return frozenset(SCOPE_NAMES[name] for name in wanted) or None
