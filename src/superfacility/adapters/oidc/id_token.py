"""Whether an ID token proves that its subject has just logged in, for us (OpenID Connect Core 1.0, section 3.1.3.7)."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from joserfc.util import urlsafe_b64encode

from superfacility.adapters.oidc.configuration import ProviderConfiguration
from superfacility.adapters.oidc.keys import ProviderKeys
from superfacility.facility.errors import NotPermitted
from superfacility.oauth.errors import NotGenuine
from superfacility.oauth.signatures import read, verify

LEEWAY = 60
"""Seconds that the two clocks may differ."""
_OLDEST = 600
"""Seconds since it was issued: we have asked for it just now."""
_WORDS = "The identity provider's answer does not prove who you are. Begin again, then tell the facility's staff."


def unproven(why: str) -> NotPermitted:
    """The page says little; the log says why."""
    problem = NotPermitted(_WORDS)
    problem.add_note(why)
    return problem


async def checked_id_token(
    token: str,
    configuration: ProviderConfiguration,
    keys: ProviderKeys,
    *,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The claims. `NotPermitted` if it proves nothing."""
    try:
        found = read(token)
        algorithm = found.header["alg"]
        if algorithm not in configuration.algorithms:
            raise unproven(f"algorithm {algorithm}")
        verify(found, await keys.matching(found.header.get("kid"), algorithm))
    except NotGenuine as problem:
        raise unproven(str(problem)) from problem
    claims = found.claims
    _check_parties(claims, configuration)
    _check_times(claims, now.timestamp())
    _check_nonce(claims, nonce)
    if "at_hash" in claims and access_token is not None and claims["at_hash"] != _half_hash(access_token, algorithm):
        raise unproven("at_hash is of another access token")
    return claims


def _check_parties(claims: Mapping[str, Any], configuration: ProviderConfiguration) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    subject = claims.get("sub")
    if claims.get("iss") != configuration.issuer:
        raise unproven("iss is another issuer")
    if configuration.client_id not in audiences:
        raise unproven("aud is somebody else")
    if (len(audiences) > 1 or "azp" in claims) and claims.get("azp") != configuration.client_id:
        raise unproven("azp is somebody else")
    if not isinstance(subject, str) or not 0 < len(subject) <= 255:
        raise unproven("sub is no name")


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    for name in ("exp", "iat"):
        if isinstance(claims.get(name), bool) or not isinstance(claims.get(name), int | float):
            raise unproven(f"no {name}")
    not_before = claims.get("nbf", 0)
    if not isinstance(not_before, int | float) or not_before > now + LEEWAY:
        raise unproven("not valid yet")
    if claims["exp"] <= now - LEEWAY:
        raise unproven("expired")
    if not now - _OLDEST <= claims["iat"] <= now + LEEWAY:
        raise unproven("issued at another time, or the clocks differ")


def _check_nonce(claims: Mapping[str, Any], nonce: str) -> None:
    found = claims.get("nonce")
    if not isinstance(found, str) or not hmac.compare_digest(found.encode("utf-8", "replace"), nonce.encode()):
        raise unproven("nonce is another login's")


def _half_hash(access_token: str, algorithm: str) -> str:
    """Section 3.1.3.6: half of the hash that the signature's algorithm has inside."""
    name = "sha512" if algorithm == "EdDSA" else "sha256"
    digest = hashlib.new(name, access_token.encode("ascii", "replace")).digest()
    return urlsafe_b64encode(digest[: len(digest) // 2]).decode("ascii")
