"""private_key_jwt: a short proof, signed with the client's key, for a token (RFC 7523)."""

from collections.abc import Mapping
from typing import Any

from superfacility.client.credentials.key_files import ClientKey
from superfacility.client.credentials.tokens import AccessToken, TokenEndpoint
from superfacility.client.errors import ConfigurationError
from superfacility.core.clock import Clock, SystemClock
from superfacility.core.identifiers import new_uuid

_LIFETIME = 120
_ALGORITHMS = {"RSA": "RS256", "EC": "ES256", "OKP": "Ed25519"}
_CURVES = {"P-384": "ES384", "P-521": "ES512"}


class KeyCredentials:
    """A registered client. Tokens are kept in memory; see `saved` for those that outlive the program."""

    def __init__(self, key: ClientKey, clock: Clock | None = None) -> None:
        self.key = key
        self._clock = clock or SystemClock()
        self._token: AccessToken | None = None

    async def token(self, endpoint: TokenEndpoint, *, refused: str | None = None) -> str | None:
        token = self._token
        if token is None or token.value == refused or not token.lasts(self._clock.now()):
            token = self._token = await self.fetch(endpoint)
        return token.value

    async def fetch(self, endpoint: TokenEndpoint) -> AccessToken:
        """A new token."""
        proof = sign(self.key, await endpoint.url(), self._clock)
        answer = await endpoint.ask(
            {
                "grant_type": "client_credentials",
                "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                "client_assertion": proof,
            }
        )
        return AccessToken.received(answer, self._clock)


def sign(key: ClientKey, audience: str, clock: Clock) -> str:
    """The proof: for one token service, once, for two minutes."""
    from joserfc import jwk, jws, jwt
    from joserfc.errors import JoseError

    now = int(clock.now().timestamp())
    claims = {
        "iss": key.client_id,
        "sub": key.client_id,
        "aud": audience,
        "iat": now,
        "exp": now + _LIFETIME,
        "jti": str(new_uuid()),
    }
    try:
        private = jwk.import_key(key.private if isinstance(key.private, str) else dict(key.private), _kind(key.private))
        algorithm = _CURVES.get(str(private.get("crv", "")), _ALGORITHMS[private.key_type])
        registry = jws.JWSRegistry(algorithms=[algorithm])
        return jwt.encode({"typ": "JWT", "alg": algorithm}, claims, private, registry=registry)
    except (JoseError, ValueError, KeyError, TypeError) as problem:
        raise ConfigurationError(f"The key of client {key.client_id} cannot sign: {_plain(problem)}.") from None


def _kind(private: str | Mapping[str, Any]) -> Any:
    """joserfc asks which kind of key a PEM holds."""
    if not isinstance(private, str):
        return None
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found = load_pem_private_key(private.encode("ascii"), None)
    if isinstance(found, rsa.RSAPrivateKey):
        return "RSA"
    return "EC" if isinstance(found, ec.EllipticCurvePrivateKey) else "OKP"


def _plain(problem: Exception) -> str:
    """Never the key's text, which messages of parsers may hold."""
    return type(problem).__name__


def new_key_pair(algorithm: str = "RS256") -> tuple[dict[str, Any], dict[str, Any], str]:
    """A new private JWK, its public JWK, and the private one as PEM. Made here: nobody else ever has it."""
    from joserfc import jwk

    key: jwk.RSAKey | jwk.ECKey | jwk.OKPKey
    if algorithm in {"RS256", "PS256"}:
        key = jwk.RSAKey.generate_key(3072)
    elif algorithm == "ES256":
        key = jwk.ECKey.generate_key("P-256")
    elif algorithm == "Ed25519":
        key = jwk.OKPKey.generate_key("Ed25519")
    else:
        raise ConfigurationError(f"There are no keys for {algorithm!r}: choose RS256, PS256, ES256 or Ed25519.")
    return dict(key.as_dict(private=True)), dict(key.as_dict(private=False)), key.as_pem(private=True).decode("ascii")
