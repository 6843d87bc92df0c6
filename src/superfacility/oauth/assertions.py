"""Client assertions (RFC 7523): what a program signs to prove itself, and which of them we take."""

import math
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, TypeGuard

from superfacility.oauth.clients import ClientId
from superfacility.oauth.errors import NotGenuine, OAuthError
from superfacility.oauth.signatures import UnverifiedToken, read

LEEWAY = 10.0
"""Seconds by which a caller's clock may be wrong."""

_TYPES = frozenset({None, "jwt", "client-authentication+jwt"})
_MAX_ID_LENGTH = 255


class Profile(Enum):
    """How strict we are. `compat` takes what programs in use send; `strict` what current advice asks for."""

    COMPAT = "compat"
    STRICT = "strict"

    @property
    def longest_life(self) -> timedelta:
        return timedelta(hours=24) if self is Profile.COMPAT else timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class ClientAssertion:
    """An assertion as it came. Nothing in it is proven before `verify` of its token and `AssertionRules.check`."""

    client_id: ClientId
    token: UnverifiedToken

    @property
    def jti(self) -> str | None:
        """The single-use id; `check` has made sure that it is text."""
        jti: str | None = self.token.claims.get("jti")
        return jti

    @property
    def expires_at(self) -> datetime:
        """Until when it must be remembered as used."""
        return datetime.fromtimestamp(self.token.claims["exp"] + LEEWAY, UTC)


def read_assertion(text: str) -> ClientAssertion:
    """`NotGenuine` for what is no assertion at all."""
    token = read(text)
    kind = token.header.get("typ")
    if (kind.lower() if isinstance(kind, str) else kind) not in _TYPES:
        raise NotGenuine("another kind of token")  # an access token, for one
    issuer = token.claims.get("iss")
    if not _is_identifier(issuer) or token.claims.get("sub") != issuer:
        raise NotGenuine("iss and sub are not one client id")
    return ClientAssertion(ClientId(issuer), token)


@dataclass(frozen=True, slots=True)
class AssertionRules:
    """Which claims count. The descriptions are for the holder of the key: check after the signature."""

    profile: Profile
    audiences: Collection[str]

    def check(self, claims: dict[str, Any], now: float) -> None:
        """`OAuthError` naming the claim that is wrong."""
        self._check_audience(claims.get("aud"))
        self._check_life(claims, now)
        jti = claims.get("jti")
        if jti is None and (self.profile is Profile.STRICT or "jti" in claims):
            raise invalid_client("The assertion needs a jti: a new random text for each.")
        if jti is not None and not _is_identifier(jti):
            raise invalid_client(
                f"The jti of the assertion must be printable ASCII of 1 to {_MAX_ID_LENGTH} characters."
            )

    def _check_audience(self, audience: object) -> None:
        if not isinstance(audience, str) or audience not in self.audiences:
            names = " or ".join(self.audiences)
            raise invalid_client(f"The aud of the assertion must be exactly one text: {names}.")

    def _check_life(self, claims: dict[str, Any], now: float) -> None:
        expires = _numeric_date(claims, "exp")
        issued = _numeric_date(claims, "iat", required=self.profile is Profile.STRICT)
        not_before = _numeric_date(claims, "nbf", required=False)
        longest = self.profile.longest_life.total_seconds()
        assert expires is not None
        if expires <= now - LEEWAY:
            raise invalid_client("The assertion has expired: sign a new one, and check your clock.")
        if expires > now + longest + LEEWAY:
            raise invalid_client(f"The exp of the assertion is more than {longest:.0f} seconds ahead.")
        if any(time is not None and time > now + LEEWAY for time in (issued, not_before)):
            raise invalid_client("The assertion is not valid yet: check your clock.")


class Allowance:
    """At most `limit` times per client in any `period` seconds, in this process."""

    def __init__(self, limit: int, period: float) -> None:
        self._limit = limit
        self._period = period
        self._uses: dict[ClientId, deque[float]] = {}

    def take(self, client_id: ClientId, now: float) -> bool:
        """`now` is monotonic."""
        uses = self._uses.setdefault(client_id, deque(maxlen=self._limit))
        if len(uses) == self._limit and now - uses[0] < self._period:
            return False
        uses.append(now)
        return True


def invalid_client(description: str) -> OAuthError:
    return OAuthError("invalid_client", description, 401)


def _is_identifier(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH and value.isascii() and value.isprintable()


def _numeric_date(claims: dict[str, Any], name: str, *, required: bool = True) -> float | int | None:
    value = claims.get(name)
    if value is None and name not in claims and not required:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or (isinstance(value, float) and not math.isfinite(value))
    ):
        raise invalid_client(f"The {name} of the assertion must be a number: seconds since 1970.")
    return value
