"""A key that tokens are bound to (RFC 9449), and the proofs that a program makes with it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from joserfc import jwk

from superfacility.core.identifiers import new_uuid
from superfacility.testing.tokens import LEFT_OUT, key_pair, segment, sign_as_told


@dataclass(frozen=True)
class DeviceKey:
    """Another `number` is another key."""

    number: int = 100
    algorithm: str = "ES256"

    @property
    def public(self) -> dict[str, Any]:
        return {name: value for name, value in key_pair(self.algorithm, self.number)[1].items() if name != "kid"}

    @property
    def thumbprint(self) -> str:
        return jwk.import_key(self.public).thumbprint()

    def proof(
        self,
        method: str,
        url: str,
        now: datetime,
        token: str | None = None,
        *,
        header: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> str:
        """For one request; `LEFT_OUT` takes a claim or a header member away."""
        claims: dict[str, Any] = {"htm": method, "htu": url, "iat": int(now.timestamp()), "jti": str(new_uuid())}
        if token is not None:
            claims["ath"] = segment(hashlib.sha256(token.encode()).digest())
        members = {"typ": "dpop+jwt", "alg": self.algorithm, "jwk": self.public} | dict(header or {})
        kept = {name: value for name, value in members.items() if value is not LEFT_OUT}
        payload = {name: value for name, value in (claims | changes).items() if value is not LEFT_OUT}
        return sign_as_told(
            kept, json.dumps(payload).encode(), key_pair(self.algorithm, self.number)[0], self.algorithm
        )
