"""Access tokens (RFC 9068): what we sign, and what we read back from it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from superfacility.core.identifiers import new_uuid
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.errors import AccessRefused, NotGenuine, Reason
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.scopes import SCOPE_NAMES, Scope

LIFETIME = 600
"""Seconds. Programs refresh when less than 60 are left."""
MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a genuine token of ours says. Power is read from the client's record; `scopes` can only narrow it."""

    user: str
    client_id: ClientId
    scopes: frozenset[Scope]
    expires: float


def sign_access_token(
    keys: SigningKeys, client: Client, scopes: frozenset[Scope], issuer: str, audience: str, now: float
) -> str:
    issued = int(now)
    claims = {
        "iss": issuer,
        "aud": audience,
        "sub": client.user,
        "client_id": client.id,
        "scope": scope_text(scopes),
        "level": client.level.label,
        "jti": str(new_uuid()),
        "iat": issued,
        "exp": issued + LIFETIME,
    }
    return keys.sign(orjson.dumps(claims))


def read_access_token(keys: SigningKeys, text: str, issuer: str, audience: str) -> AccessToken:
    """`AccessRefused` for a token that we did not sign for this API. Expiry is asked at each request."""
    if len(text) > MAX_LENGTH:
        raise bad_token()
    try:
        claims = keys.verified(text).claims
    except NotGenuine:
        raise bad_token() from None
    if claims.get("iss") != issuer or claims.get("aud") != audience:
        raise bad_token()
    return _from_claims(claims)


@lru_cache
def scope_text(scopes: frozenset[Scope]) -> str:
    return " ".join(sorted(scope.value for scope in scopes))


def bad_token() -> AccessRefused:
    return AccessRefused(Reason.BAD_TOKEN, "This is no valid access token of this service: fetch a new one.")


def _from_claims(claims: dict[str, Any]) -> AccessToken:
    scopes = frozenset(SCOPE_NAMES[name] for name in claims["scope"].split() if name in SCOPE_NAMES)
    return AccessToken(claims["sub"], ClientId(claims["client_id"]), scopes, float(claims["exp"]))
