"""What an application may learn of a person: `id_token` and `userinfo` (OpenID Connect Core)."""

import hashlib
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc.util import urlsafe_b64encode

from superfacility.facility.people import User
from superfacility.oauth.applications import Grant
from superfacility.oauth.errors import NotGenuine
from superfacility.oauth.keys import IDENTITY_TOKEN_TYPE, SigningKeys

LIFETIME = 600
"""Seconds: it is read when it comes, and kept for nothing but the hint at logout."""
MAX_HINT_LENGTH = 8192
WEAK, STRONG = "urn:superfacility:one-factor", "urn:superfacility:several-factors"
"""`acr`: whether somebody has shown one thing or several."""

_HASHES = {"EdDSA": "sha512", "Ed25519": "sha512"}
_SEVERAL = frozenset({"mfa", "otp", "hwk", "swk", "sms", "pop"})


def about(user: User, identity: frozenset[str]) -> dict[str, Any]:
    """The claims that these scopes allow. Names are the account's: `sub` is what access tokens say, too."""
    claims: dict[str, Any] = {"sub": user.name}
    if identity & {"profile", "openid"}:
        claims["preferred_username"] = user.name
    if "profile" in identity:
        names = {"given_name": user.first_name, "middle_name": user.middle_name, "family_name": user.last_name}
        claims |= {name: value for name, value in names.items() if value}
        claims["name"] = " ".join(part for part in names.values() if part) or user.name
    if "email" in identity and user.email:
        claims["email"] = user.email
    return claims


def sign_identity_token(
    keys: SigningKeys, grant: Grant, user: User, issuer: str, now: float, *, access_token: str, nonce: str | None
) -> str:
    claims = {
        "iss": issuer,
        "aud": grant.application,
        **about(user, grant.identity),
        "iat": int(now),
        "exp": int(now) + LIFETIME,
        "auth_time": int(grant.logged_in_at.timestamp()),
        "amr": list(grant.methods),
        "acr": STRONG if _SEVERAL & set(grant.methods) else WEAK,
        "at_hash": _half_hash(access_token, keys.algorithm),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    if grant.session is not None:
        claims["sid"] = session_id(grant.session)
    return keys.sign_identity(orjson.dumps(claims))


def session_id(session: str) -> str:
    """What applications may know of a browser session: the same for the same one, and no way back."""
    return hashlib.sha256(b"sid:" + session.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Hint:
    """What an `id_token` of ours says at logout, perhaps long expired."""

    application: str
    user: str
    sid: str | None


def read_hint(keys: SigningKeys, text: str, issuer: str) -> Hint:
    """`NotGenuine` for what we have not signed as an `id_token`."""
    if len(text) > MAX_HINT_LENGTH:
        raise NotGenuine("too long")
    claims = keys.verified(text, IDENTITY_TOKEN_TYPE).claims
    if claims.get("iss") != issuer:
        raise NotGenuine("another issuer")
    return Hint(claims["aud"], claims["sub"], claims.get("sid"))


def _half_hash(text: str, algorithm: str) -> str:
    made = hashlib.new(_HASHES.get(algorithm, "sha256"), text.encode("ascii")).digest()
    return urlsafe_b64encode(made[: len(made) // 2]).decode("ascii")
