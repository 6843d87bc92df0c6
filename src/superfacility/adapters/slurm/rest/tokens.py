"""Tokens for slurmrestd: one user, minutes of life, signed with Slurm's own key (HS256, `auth/jwt`)."""

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from joserfc import jwt
from joserfc.jwk import OctKey

from superfacility.core.clock import Clock
from superfacility.facility.errors import NotPermitted
from superfacility.facility.people import UserName
from superfacility.facility.secret_files import read_secret

_LIFETIME = timedelta(minutes=5)
_RENEW_BEFORE = timedelta(minutes=1)
_KEPT = 1000
_POWERFUL = frozenset({"root", "slurm"})
"""Slurm lets them act as anybody."""


@dataclass(slots=True)
class UserTokens:
    """Mints a token for whom a request acts, never one for Slurm's own user or root, and keeps it for its life."""

    key: OctKey
    clock: Clock
    _minted: dict[UserName, tuple[str, float]] = field(default_factory=dict)

    def token(self, user: UserName) -> str:
        if user in _POWERFUL:
            raise NotPermitted(f"{user!r} is not an account that this service may act as.")
        now = self.clock.now().timestamp()
        found = self._minted.get(user)
        if found is not None and found[1] - now > _RENEW_BEFORE.total_seconds():
            return found[0]
        if len(self._minted) >= _KEPT:
            self._minted.clear()
        expires = now + _LIFETIME.total_seconds()
        text = jwt.encode({"alg": "HS256"}, {"iat": int(now), "exp": int(expires), "sun": user}, self.key)
        self._minted[user] = (text, expires)
        return text


def load_tokens(path: Path, clock: Clock) -> UserTokens:
    """`InvalidInput` unless the key is a file that only its owner can read."""
    return UserTokens(OctKey.import_key(read_secret(path, "jwt_key")), clock)
