"""Signed tokens (JWS compact form), read strictly: four algorithms, few header members, no member twice.

Reading proves nothing: claims count only after `verify`.
"""

import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import Key
from joserfc.jws import CompactSignature, JWSRegistry, extract_compact, validate_compact
from joserfc.registry import JWS_HEADER_REGISTRY
from joserfc.util import urlsafe_b64decode, urlsafe_b64encode

from superfacility.oauth.errors import NotGenuine

KEY_TYPES = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC", "EdDSA": "OKP", "Ed25519": "OKP"}
"""The algorithms that we accept, each with the one type of key that it is bound to."""


class _StrictRegistry(JWSRegistry):
    """Knows only our algorithms, and no header member that names keys (`jwk`, `jku`, `x5u`, `x5c`) or changes how the
    token is read (`crit`, `b64`, `cty`, `zip`)."""

    def __init__(self, *names: str) -> None:
        super().__init__()
        self.header_registry = {name: JWS_HEADER_REGISTRY[name] for name in names}

    def get_alg(self, name: str) -> Any:
        """Without the library's warning that RFC 9864 renames EdDSA: real programs send the old name."""
        if name not in KEY_TYPES:
            raise UnsupportedAlgorithmError(name)
        return self.algorithms[name]


class _ProofRegistry(_StrictRegistry):
    """A proof of possession brings its public key along (RFC 9449): that is its point."""

    max_header_length = 2048
    max_payload_length = 4096


_REGISTRY = _StrictRegistry("alg", "typ", "kid", "x5t", "x5t#S256")
_PROOFS = _ProofRegistry("alg", "typ", "jwk")


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """What a token says of itself."""

    header: dict[str, Any]
    claims: dict[str, Any]
    signature: CompactSignature


def read(text: str) -> UnverifiedToken:
    """Take a token apart. `NotGenuine` for all that is not a well-formed JWT with an algorithm of ours."""
    return _read(text, _REGISTRY)


def read_proof(text: str) -> UnverifiedToken:
    """The same of a token whose header has the key that it is to be verified with, as `jwk`."""
    return _read(text, _PROOFS)


def _read(text: str, registry: _StrictRegistry) -> UnverifiedToken:
    try:
        signature = extract_compact(text.encode("ascii"), None, registry)
        header = _json_object(urlsafe_b64decode(signature.segments["header"]))
        registry.check_header(header)
        registry.get_alg(header["alg"])
        return UnverifiedToken(header, _json_object(signature.payload), signature)
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        # nested JSON ends in RecursionError, a header that is no object in TypeError or AttributeError
        raise NotGenuine(f"malformed token ({type(error).__name__})") from None


def verify(token: UnverifiedToken, keys: Iterable[Key]) -> None:
    """`NotGenuine` unless one of the keys, of the type that the algorithm is bound to, made the signature."""
    _verify(token, keys, _REGISTRY)


def verify_proof(token: UnverifiedToken, key: Key) -> None:
    """The same of what `read_proof` has read."""
    _verify(token, (key,), _PROOFS)


def _verify(token: UnverifiedToken, keys: Iterable[Key], registry: _StrictRegistry) -> None:
    algorithm = token.header["alg"]
    for key in keys:
        right_type = key.key_type == KEY_TYPES[algorithm] and key.alg in (None, algorithm)
        if right_type and _made(token.signature, key, registry):
            return
    raise NotGenuine("no registered key made this signature")


def sign(header: bytes, payload: bytes, algorithm: str, key: Key) -> str:
    """The compact form; `header` is already encoded."""
    signing_input = header + b"." + urlsafe_b64encode(payload)
    signature = _REGISTRY.get_alg(algorithm).sign(signing_input, key)
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode("ascii")


def _made(signature: CompactSignature, key: Key, registry: _StrictRegistry) -> bool:
    try:
        return validate_compact(signature, key, registry=registry)
    except (JoseError, ValueError):
        return False


def _json_object(text: bytes) -> dict[str, Any]:
    found = json.loads(text, object_pairs_hook=_no_twins, parse_constant=_no_constant)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member twice")
    return members


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")
