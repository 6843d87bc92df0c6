"""Text that only we can read again: cookies of a login that is under way, and secrets at rest."""

import binascii
import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE = 12


class Sealer:
    """AES-256-GCM under a key of this installation. `context` says what a text is for: it opens nothing else."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(_derived(key, b"sealing"))
        self._marks = _derived(key, b"marks")

    def seal(self, text: str, context: str) -> str:
        nonce = secrets.token_bytes(_NONCE)
        sealed = nonce + self._cipher.encrypt(nonce, text.encode(), context.encode())
        return urlsafe_b64encode(sealed).rstrip(b"=").decode("ascii")

    def open(self, sealed: str, context: str) -> str | None:
        """None for what we have not sealed for this."""
        try:
            found = urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4))
            return self._cipher.decrypt(found[:_NONCE], found[_NONCE:], context.encode()).decode()
        except (InvalidTag, ValueError, binascii.Error):
            return None

    def mark(self, text: str, context: str) -> str:
        """A keyed hash: equal for equal texts, and of no use without our key."""
        content = context.encode() + b"\0" + text.encode("utf-8", "surrogatepass")
        return hmac.new(self._marks, content, hashlib.sha256).hexdigest()


def _derived(key: bytes, purpose: bytes) -> bytes:
    return HKDF(SHA256(), 32, None, b"superfacility login " + purpose).derive(key)
