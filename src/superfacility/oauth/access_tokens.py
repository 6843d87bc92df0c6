"""Access tokens (RFC 9068): what we sign, and what we read back from it."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import orjson

from superfacility.core.identifiers import new_uuid
from superfacility.oauth.applications import Grant, GrantId
from superfacility.oauth.clients import Client, ClientId
from superfacility.oauth.errors import AccessRefused, NotGenuine, Reason
from superfacility.oauth.keys import SigningKeys
from superfacility.oauth.scopes import SCOPE_NAMES, Scope

LIFETIME = 600
"""Seconds. Programs refresh when less than 60 are left."""
MAX_LENGTH = 8192


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a genuine token of ours says. Power is read from the client's record, or the grant's and its application's;
    `scopes` can only narrow it. `thumbprint` names the key that must come along (RFC 9449)."""

    user: str
    client_id: ClientId
    scopes: frozenset[Scope]
    expires: float
    grant: GrantId | None = None
    thumbprint: str | None = None
    issued: float = 0.0
    jti: str = ""
    holder: str | None = None
    """Who had the key of a shared account's client when it was issued."""


def sign_access_token(
    keys: SigningKeys,
    client: Client,
    scopes: frozenset[Scope],
    issuer: str,
    audience: str,
    now: float,
    thumbprint: str | None = None,
) -> str:
    issued = int(now)
    claims: dict[str, Any] = {
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
    if client.holder is not None:
        claims["holder"] = client.holder
    if thumbprint is not None:
        claims["cnf"] = {"jkt": thumbprint}
    return keys.sign(orjson.dumps(claims))


def sign_grant_token(
    keys: SigningKeys, grant: Grant, scopes: frozenset[Scope], issuer: str, audience: str, now: float
) -> tuple[str, int]:
    """An access token for what a person has allowed, and the seconds that it lives: never longer than the grant."""
    issued = int(now)
    expires = min(issued + LIFETIME, int(grant.expires_at.timestamp()))
    claims: dict[str, Any] = {
        "iss": issuer,
        "aud": audience,
        "sub": grant.user,
        "client_id": grant.application,
        "grant": grant.id,
        "scope": " ".join([*sorted(grant.identity), *sorted(scope.value for scope in scopes)]),
        "level": grant.level.label,
        "auth_time": int(grant.logged_in_at.timestamp()),
        "jti": str(new_uuid()),
        "iat": issued,
        "exp": expires,
    }
    if grant.key_thumbprint is not None:
        claims["cnf"] = {"jkt": grant.key_thumbprint}
    return keys.sign(orjson.dumps(claims)), expires - issued


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
    grant, confirmation = claims.get("grant"), claims.get("cnf")
    return AccessToken(
        claims["sub"],
        ClientId(claims["client_id"]),
        scopes,
        float(claims["exp"]),
        None if grant is None else GrantId(grant),
        None if confirmation is None else confirmation["jkt"],
        float(claims["iat"]),
        claims["jti"],
        claims.get("holder"),
    )
