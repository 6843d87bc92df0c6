"""Secrets that we hand out once and keep as digests alone, and codes that people type."""

import hashlib
import hmac
import re
import secrets

from joserfc.util import urlsafe_b64encode

USER_CODE_ALPHABET = "BCDFGHJKLMNPQRSTVWXZ"
"""No vowels (no words), nothing that looks like a digit (RFC 8628 section 6.1)."""
USER_CODE_LENGTH = 8

_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)


def new_secret() -> str:
    """256 random bits as text."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """What we keep of it. No salt: it is as long as the digest."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def new_user_code() -> str:
    """Eight letters, 34 bits; alive for minutes, and guesses are counted."""
    return "".join(secrets.choice(USER_CODE_ALPHABET) for _ in range(USER_CODE_LENGTH))


def shown_user_code(code: str) -> str:
    """`WDJB-MJHT`."""
    return f"{code[:4]}-{code[4:]}"


def plain_user_code(text: str) -> str | None:
    """The code that somebody has typed, however they group it; None if it cannot be one."""
    code = "".join(text.split()).replace("-", "").upper()
    right = len(code) == USER_CODE_LENGTH and all(letter in USER_CODE_ALPHABET for letter in code)
    return code if right else None


def is_challenge(text: str) -> bool:
    """Whether it can be a code challenge of the method S256 (RFC 7636 section 4.2)."""
    return _CHALLENGE.fullmatch(text) is not None


def answers(verifier: str, challenge: str) -> bool:
    """Whether the verifier is the one that the challenge was made from (RFC 7636 section 4.6)."""
    if _VERIFIER.fullmatch(verifier) is None:
        return False
    made = urlsafe_b64encode(hashlib.sha256(verifier.encode("ascii")).digest())
    return hmac.compare_digest(made, challenge.encode("ascii"))
