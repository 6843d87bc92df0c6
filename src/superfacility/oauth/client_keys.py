"""Public keys of clients: which we register, and how we keep them."""

import contextlib
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.util import base64_to_int

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.keys import MIN_RSA_BITS
from superfacility.oauth.signatures import KEY_TYPES

MAX_RSA_BITS = 8192

_MAX_PEM = 8192
_PRIVATE_KEY = (
    "This is a private key. It has travelled, so treat it as leaked: delete it, never use it, make a new pair, keep "
    "the private half to yourself, and register the public half alone."
)
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y"), "OKP": ("crv", "x")}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}


def public_jwk(candidate: Mapping[str, Any]) -> dict[str, Any]:
    """What we keep of a public key that somebody registers. `InvalidInput` for private, weak or unknown keys."""
    if _PRIVATE & candidate.keys():
        raise InvalidInput(_PRIVATE_KEY)
    kind = candidate.get("kty")
    if not isinstance(kind, str) or kind not in _MEMBERS:
        raise InvalidInput("A client's key is a public JWK of the type RSA, EC (P-256) or OKP (Ed25519).")
    if candidate.get("use", "sig") != "sig":
        raise InvalidInput("This key is not meant for signatures: register one whose use is 'sig'.")
    kept = {name: candidate.get(name) for name in ("kty", *_MEMBERS[kind])}
    kept |= {name: candidate[name] for name in ("kid", "alg") if name in candidate}
    _check(kind, kept)
    return kept


def public_key(given: Mapping[str, Any] | str) -> dict[str, Any]:
    """The same of a JWK, or of a public key as PEM or as the text of a JWK."""
    if isinstance(given, Mapping):
        return public_jwk(given)
    text = given.strip()
    if "PRIVATE KEY" in text:
        raise InvalidInput(_PRIVATE_KEY)
    if text.startswith("{"):
        return public_jwk(_json_object(text))
    if not text.startswith("-----BEGIN PUBLIC KEY-----") or len(text) > _MAX_PEM:
        raise InvalidInput("A public key is a JWK, or PEM that begins with -----BEGIN PUBLIC KEY-----.")
    for kind in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        with contextlib.suppress(JoseError, ValueError, TypeError, AttributeError):
            return public_jwk(kind.import_key(text).as_dict(private=False))
    raise InvalidInput("This PEM holds no usable public key: export it again from the program that made it.")


def thumbprint(candidate: Mapping[str, Any]) -> str:
    """The name of a key that follows from the key itself (RFC 7638)."""
    return parsed_key(candidate).thumbprint()


def _json_object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise InvalidInput("This text is no JWK: a JWK is one JSON object.")
    return found


def parsed_key(candidate: Mapping[str, Any]) -> jwk.Key:
    """The key, checked as `public_jwk` does, ready to verify with. Parsed once: that costs more than verifying."""
    return _parsed(json.dumps(dict(candidate), sort_keys=True))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> jwk.Key:
    return jwk.import_key(public_jwk(json.loads(text)))


def _check(kind: str, kept: Mapping[str, Any]) -> None:
    if not all(isinstance(value, str) and value for value in kept.values()):
        raise InvalidInput(f"A public JWK of the type {kind} has the members {', '.join(_MEMBERS[kind])}, all text.")
    if "alg" in kept and KEY_TYPES.get(kept["alg"]) != kind:
        raise InvalidInput(f"The algorithm {kept['alg']!r} does not go with a key of the type {kind}.")
    if kind == "RSA":
        _check_rsa(kept["n"], kept["e"])
    elif kept["crv"] != _CURVES[kind]:
        raise InvalidInput(f"A key of the type {kind} is on the curve {_CURVES[kind]}, not {kept['crv']!r}.")
    try:
        jwk.import_key(dict(kept))
    except (JoseError, ValueError, TypeError, KeyError):
        raise InvalidInput(
            "This JWK holds no usable public key: export it again from the program that made it."
        ) from None


def _check_rsa(modulus: str, exponent: str) -> None:
    try:
        n, e = base64_to_int(modulus), base64_to_int(exponent)
    except ValueError:
        raise InvalidInput("The members n and e of an RSA key are base64url numbers without padding.") from None
    if not MIN_RSA_BITS <= n.bit_length() <= MAX_RSA_BITS:
        raise InvalidInput(
            f"An RSA key has {MIN_RSA_BITS} to {MAX_RSA_BITS} bits, not {n.bit_length()}: make a new one."
        )
    if not 65537 <= e < 2**32 or e % 2 == 0:
        raise InvalidInput("The public exponent of an RSA key is 65537 (or a larger odd number below 2^32).")
