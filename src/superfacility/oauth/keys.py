"""Key pairs: how a client makes one on its own side, and those that we sign access tokens with.

Ours are PEM files that only we may read, `signing-0001.pem` and onwards. The newest signs and all of them verify, so
that a key can be replaced while tokens of the old one are still out.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joserfc import jwk
from joserfc.errors import JoseError
from joserfc.util import json_b64encode

from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.oauth.signatures import KEY_TYPES, UnverifiedToken, read, sign, verify

MIN_RSA_BITS = 2048
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105 - RFC 9068
IDENTITY_TOKEN_TYPE = "JWT"  # noqa: S105 - OpenID Connect Core; never taken for an access token
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}
_FILE_NAME = re.compile(r"signing-(\d{4})\.pem")


def generate_key_pair(algorithm: str = "RS256") -> tuple[dict[str, Any], dict[str, Any]]:
    """A new private JWK and its public JWK, for one of the algorithms that the token endpoint takes."""
    key_type = KEY_TYPES.get(algorithm)
    if key_type is None:
        raise InvalidInput(f"There are no keys for the algorithm {algorithm!r}: choose one of {', '.join(KEY_TYPES)}.")
    key: jwk.Key
    if key_type == "RSA":
        key = jwk.RSAKey.generate_key(MIN_RSA_BITS)
    elif key_type == "EC":
        key = jwk.ECKey.generate_key("P-256")
    else:
        key = jwk.OKPKey.generate_key("Ed25519")
    return dict(key.as_dict(private=True)), dict(key.as_dict(private=False))


def private_pem(private: Mapping[str, Any]) -> str:
    """The private JWK as PEM (PKCS #8, not encrypted)."""
    key = jwk.import_key(dict(private))
    assert not isinstance(key, jwk.OctKey)
    return key.as_pem(private=True).decode("ascii")


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key, parsed. `header` is the encoded header of the access tokens it signs."""

    kid: str
    algorithm: str
    key: jwk.Key
    header: bytes

    @classmethod
    def of(cls, key: jwk.Key) -> "SigningKey":
        kid, algorithm = key.thumbprint(), _ALGORITHMS[key.key_type]
        return cls(kid, algorithm, key, _header(ACCESS_TOKEN_TYPE, algorithm, kid))

    @property
    def public(self) -> dict[str, Any]:
        return {**self.key.as_dict(private=False), "kid": self.kid, "alg": self.algorithm, "use": "sig"}


class SigningKeys:
    """All keys of an installation, oldest first; there is at least one."""

    def __init__(self, keys: Sequence[SigningKey]) -> None:
        self._newest = keys[-1]
        self._by_kid = {key.kid: key for key in keys}

    @classmethod
    def load(cls, directory: Path) -> "SigningKeys":
        """`NotFound` where there is no key yet, `InvalidInput` for a file that others may read or that is no key."""
        files = _key_files(directory)
        if not files:
            raise NotFound(
                f"There is no signing key in {directory}: restore it from a backup, or {_make(directory, 1)}"
            )
        return cls([SigningKey.of(_load_key(path)) for path in files])

    @classmethod
    def create(cls, directory: Path, algorithm: str = "RS256") -> "SigningKeys":
        """Add a new key, which signs from now on, and load all. The folder is made where it is missing (0700)."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = _key_files(directory)
        number = _number(files[-1]) + 1 if files else 1
        private, _ = generate_key_pair(algorithm)
        _write_private(directory / f"signing-{number:04}.pem", private_pem(private))
        return cls.load(directory)

    def sign(self, claims: bytes) -> str:
        """A signed access token with these claims, as JSON."""
        newest = self._newest
        return sign(newest.header, claims, newest.algorithm, newest.key)

    @property
    def algorithm(self) -> str:
        """What the newest signs with."""
        return self._newest.algorithm

    def sign_identity(self, claims: bytes) -> str:
        """A signed `id_token`."""
        newest = self._newest
        header = _header(IDENTITY_TOKEN_TYPE, newest.algorithm, newest.kid)
        return sign(header, claims, newest.algorithm, newest.key)

    def verified(self, text: str, kind: str = ACCESS_TOKEN_TYPE) -> UnverifiedToken:
        """The token, once its type is right and one of our keys has made it; else `NotGenuine`."""
        token = read(text)
        signer = self._by_kid.get(token.header.get("kid", ""))
        right_type = token.header.get("typ") == kind
        verify(token, (signer.key,) if signer and right_type and signer.algorithm == token.header["alg"] else ())
        return token

    def jwks(self) -> dict[str, Any]:
        """The public halves (RFC 7517 section 5), newest first."""
        return {"keys": [key.public for key in reversed(self._by_kid.values())]}


def _header(kind: str, algorithm: str, kid: str) -> bytes:
    return json_b64encode({"typ": kind, "alg": algorithm, "kid": kid})


def _key_files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("signing-*.pem") if _FILE_NAME.fullmatch(path.name))


def _make(directory: Path, number: int) -> str:
    """How an operator makes a key by hand."""
    path = directory / f"signing-{number:04}.pem"
    return f"make one: (umask 077; openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{MIN_RSA_BITS} -out {path})"


def _number(path: Path) -> int:
    match = _FILE_NAME.fullmatch(path.name)
    assert match
    return int(match[1])


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _load_key(path: Path) -> jwk.Key:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise InvalidInput(
            f"Others may read the signing key {path} (mode {mode:04o}): chmod 600 {path}, and if they may have, "
            f"{_make(path.parent, _number(path) + 1)} and remove {path.name}"
        )
    text = path.read_bytes()
    for key_class in (jwk.RSAKey, jwk.ECKey, jwk.OKPKey):
        try:
            key = key_class.import_key(text)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private:
            return key
    raise InvalidInput(
        f"{path} holds no private key that we can sign with: restore it from a backup, or remove it "
        f"and, if it was the only one, {_make(path.parent, _number(path))}"
    )
