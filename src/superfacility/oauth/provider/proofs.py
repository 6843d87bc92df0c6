"""Proofs of possession (RFC 9449, DPoP): a program shows with each request that it holds the key of its token."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from joserfc.util import urlsafe_b64encode

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.client_keys import parsed_key, public_jwk
from superfacility.oauth.errors import NotGenuine
from superfacility.oauth.signatures import read_proof, verify_proof

WINDOW = 60.0
"""Seconds before and after now that a proof may be made at; so long its `jti` is remembered."""

_MAX_ID_LENGTH = 255


@dataclass(frozen=True, slots=True)
class ShownProof:
    """A proof as it came with a request of this method and address, both as we see them. Nothing in it is proven."""

    text: str
    method: str
    url: str


@dataclass(frozen=True, slots=True)
class Possession:
    """A proof that holds. Use its `jti` up before you believe it: it counts once until `expires_at`."""

    thumbprint: str
    jti: str
    expires_at: datetime


def possession(shown: ShownProof, now: float, access_token: str | None = None) -> Possession:
    """`NotGenuine` unless it was made for this request, now, and for the access token where there is one."""
    token = read_proof(shown.text)
    if token.header.get("typ") != "dpop+jwt" or not isinstance(token.header.get("jwk"), dict):
        raise NotGenuine("no proof of possession: typ is dpop+jwt, and jwk the public key")
    try:
        key = parsed_key(public_jwk(token.header["jwk"]))
    except InvalidInput:
        raise NotGenuine("the jwk of the proof is no public key that we take") from None
    verify_proof(token, key)
    claims = token.claims
    _check_request(shown, claims.get("htm"), claims.get("htu"))
    _check_token(access_token, claims.get("ath"))
    issued, jti = claims.get("iat"), claims.get("jti")
    if isinstance(issued, bool) or not isinstance(issued, int | float) or not now - WINDOW <= issued <= now + WINDOW:
        raise NotGenuine("the iat of the proof is not now: check your clock")
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_ID_LENGTH:
        raise NotGenuine("the proof needs a jti, a new random text for each request")
    expires_at = datetime.fromtimestamp(issued, UTC) + timedelta(seconds=2 * WINDOW)
    return Possession(key.thumbprint(), jti, expires_at)


def _check_request(shown: ShownProof, method: object, url: object) -> None:
    if method != shown.method:
        raise NotGenuine("the htm of the proof is not the method of the request")
    if not isinstance(url, str) or _same_address(url) != _same_address(shown.url):
        raise NotGenuine("the htu of the proof is not the address of the request, without its query")


def _check_token(access_token: str | None, shown: object) -> None:
    if access_token is None:
        return
    made = urlsafe_b64encode(hashlib.sha256(access_token.encode("utf-8", "surrogatepass")).digest())
    if not isinstance(shown, str) or not hmac.compare_digest(shown.encode("utf-8", "surrogatepass"), made):
        raise NotGenuine("the ath of the proof is not the digest of the access token")


def _same_address(url: str) -> tuple[str, str, int | None, str] | None:
    """What must be equal: RFC 9449 section 4.3 leaves query and fragment out, and normal forms count."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    return parts.scheme, (parts.hostname or "").lower(), port, parts.path.rstrip("/")
