"""Second factors: codes by the clock (RFC 6238: SHA-1, six digits, 30 seconds, as every app has them), and recovery
codes for when the telephone is lost."""

import hmac
import re
import secrets
from datetime import datetime

import pyotp

STEP_SECONDS = 30
DRIFT = 1
"""Steps that a telephone's clock may be off."""
RECOVERY_CODES = 10
_ALPHABET = "abcdefghjkmnpqrstvwxyz23456789"
"""Without those that look alike."""
_GROUP = 4
_GROUPS = 4
_CODE = re.compile(r"[0-9]{6}")


def new_totp_secret() -> str:
    """160 bits, in Base32."""
    return pyotp.random_base32(32)


def totp_uri(secret: str, user: str, issuer: str) -> str:
    """What the QR code says."""
    return pyotp.TOTP(secret).provisioning_uri(name=user, issuer_name=issuer.replace(":", " "))


def matching_step(secret: str, code: str, now: datetime) -> int | None:
    """The time step whose code this is, of those that the clocks allow."""
    digits = re.sub(r"[\s-]", "", code)
    if not _CODE.fullmatch(digits):
        return None
    current, codes = int(now.timestamp()) // STEP_SECONDS, pyotp.TOTP(secret)
    found = None
    for step in range(current - DRIFT, current + DRIFT + 1):  # all of them, whichever it is
        if hmac.compare_digest(codes.at(step * STEP_SECONDS), digits):
            found = step
    return found


def new_recovery_codes() -> tuple[str, ...]:
    """Each with 78 random bits, so that a fast hash keeps them well."""
    return tuple("-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES))


def plain_code(typed: str) -> str:
    """A recovery code however somebody wrote it."""
    return re.sub(r"[^a-z0-9]", "", typed.lower())[:64]


def _group() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP))
