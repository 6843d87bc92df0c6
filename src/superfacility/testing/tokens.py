"""A program with a key, as tests need it: it proves itself well, badly, or with whatever it is told to sign."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from joserfc import jwk
from joserfc.jws import JWSRegistry

from superfacility.core.clock import SystemClock
from superfacility.core.identifiers import new_client_id, new_uuid
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client, ClientId, ClientKey
from superfacility.oauth.keys import generate_key_pair
from superfacility.oauth.scopes import Scope, SecurityLevel, scopes_of
from superfacility.oauth.token_requests import ASSERTION_TYPE, GRANT_TYPE

LEFT_OUT = object()
"""As a claim or header member: it is not there at all."""


@lru_cache
def key_pair(algorithm: str = "RS256", number: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """Private and public JWK, the same for the same arguments in one process: RSA keys take long to make."""
    return generate_key_pair(algorithm)


def segment(content: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode("ascii")


def sign_as_told(header: Mapping[str, Any] | bytes, payload: bytes, private: Mapping[str, Any], algorithm: str) -> str:
    """A compact JWS with exactly this header and payload; `algorithm` makes the signature, whatever the header says."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    signing_input = f"{segment(text)}.{segment(payload)}"
    signature = JWSRegistry.algorithms[algorithm].sign(signing_input.encode(), _parsed(json.dumps(dict(private))))
    return f"{signing_input}.{segment(signature)}"


@lru_cache
def _parsed(private: str) -> jwk.Key:
    """Parsing an RSA key takes far longer than signing."""
    return jwk.import_key(json.loads(private))


@dataclass(frozen=True)
class Program:
    """A client as its owner has it: the id and the private key."""

    audience: str
    client_id: str = field(default_factory=new_client_id)
    algorithm: str = "RS256"
    number: int = 0

    @property
    def private(self) -> dict[str, Any]:
        return key_pair(self.algorithm, self.number)[0]

    @property
    def public(self) -> dict[str, Any]:
        return key_pair(self.algorithm, self.number)[1]

    def claims(self, now: datetime, **changes: Any) -> dict[str, Any]:
        """What the official client signs, valid for a minute; `LEFT_OUT` takes a claim away."""
        issued = int(now.timestamp())
        usual = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.audience,
            "iat": issued,
            "exp": issued + 60,
            "jti": str(new_uuid()),
        }
        return {name: value for name, value in (usual | changes).items() if value is not LEFT_OUT}

    def assertion(self, now: datetime, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
        """A signed assertion; `header` adds or replaces members."""
        members = {"typ": "JWT", "alg": self.algorithm} | dict(header or {})
        kept = {name: value for name, value in members.items() if value is not LEFT_OUT}
        return self.signed(json.dumps(self.claims(now, **changes)).encode(), kept)

    def signed(self, payload: bytes, header: Mapping[str, Any] | bytes | None = None) -> str:
        return sign_as_told(header or {"typ": "JWT", "alg": self.algorithm}, payload, self.private, self.algorithm)

    def client(self, user: str, now: datetime, level: SecurityLevel = SecurityLevel.RED, **changes: Any) -> Client:
        """The record that the service has of it."""
        scopes: frozenset[Scope] = scopes_of(level)
        usual: dict[str, Any] = {
            "id": ClientId(self.client_id),
            "user": UserName(user),
            "name": "a test's program",
            "level": level,
            "scopes": scopes,
            "ranges": ("127.0.0.1/32",),
            "keys": (ClientKey(self.public),),
            "created_at": now,
            "expires_at": now + timedelta(days=2),
        }
        return Client(**(usual | changes))


def token_form(assertion: str, **changes: Any) -> dict[str, Any]:
    """The form that real programs post to the token endpoint."""
    usual = {"grant_type": GRANT_TYPE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    return {name: value for name, value in (usual | changes).items() if value is not LEFT_OUT}


def sign_assertion(private: Mapping[str, Any], client_id: str, audience: str) -> str:
    """What a program with a key file signs right now, valid for a minute."""
    issued = int(SystemClock().now().timestamp())
    claims = {"iss": client_id, "sub": client_id, "aud": audience, "exp": issued + 60, "jti": str(new_uuid())}
    return sign_as_told({"typ": "JWT", "alg": "RS256"}, json.dumps(claims).encode(), private, "RS256")
