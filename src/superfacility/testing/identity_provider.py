"""An identity provider in memory, honest until a test bends it: `HttpExchange` to it, and the browser's visit there."""

import hashlib
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jwk
from joserfc.util import json_b64encode, urlsafe_b64encode

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_uuid
from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.oauth.identity.providers import HttpAnswer
from superfacility.oauth.signatures import sign

CLIENT = "superfacility"
SECRET = "between us"  # noqa: S105 - of a double
Bend = Callable[[dict[str, Any]], Any]


@dataclass(slots=True)
class Login:
    """A code that was given out, with what it is bound to."""

    parameters: dict[str, str]
    subject: str
    claims: dict[str, Any]


@dataclass
class MemoryIdentityProvider:
    """`bend_*` change what it says; each is handed what an honest one would say, and may replace it."""

    issuer: str
    clock: Clock
    key: jwk.Key = field(default_factory=lambda: jwk.ECKey.generate_key("P-256"))
    names_itself: bool = True
    down: bool = False
    bend_metadata: Bend = lambda metadata: metadata
    bend_header: Bend = lambda header: header
    bend_claims: Bend = lambda claims: claims
    bend_userinfo: Bend = lambda claims: claims
    bend_token: Callable[[str], str] = lambda token: token
    bend_answer: Callable[[dict[str, str]], dict[str, str]] = lambda answer: answer
    asked: list[str] = field(default_factory=list)
    logins: dict[str, Login] = field(default_factory=dict)
    userinfo: dict[str, dict[str, Any]] = field(default_factory=dict)

    def visit(self, url: str, subject: str = "s-1", **claims: Any) -> dict[str, str]:
        """Somebody follows our link and logs in there: what their browser brings back."""
        parameters = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert url.startswith(f"{self.issuer}/authorize?"), url
        assert parameters["response_type"] == "code"
        assert parameters["client_id"] == CLIENT
        assert parameters["code_challenge_method"] == "S256"
        code = str(new_uuid())
        self.logins[code] = Login(parameters, subject, claims)
        answer = {"code": code, "state": parameters["state"]}
        return self.bend_answer(answer | ({"iss": self.issuer} if self.names_itself else {}))

    def check(self, url: str) -> None:
        if not url.startswith(f"{self.issuer}/"):
            raise InvalidInput("This address may not be asked.")

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        self.check(url)
        if self.down:
            raise Unavailable("no connection")
        path = urlsplit(url).path.removeprefix(urlsplit(self.issuer).path)
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return _json(200, self.bend_metadata(self._metadata()))
        if path == "/keys":
            return _json(200, {"keys": [{**self.key.as_dict(private=False), "kid": self.key.thumbprint()}]})
        if path == "/me":
            return _json(200, self.bend_userinfo(self.userinfo[headers["authorization"].removeprefix("Bearer ")]))
        assert (method, path) == ("POST", "/token")
        return self._token(headers, {name: values[0] for name, values in parse_qs(body.decode()).items()})

    async def aclose(self) -> None: ...

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/me",
            "end_session_endpoint": f"{self.issuer}/logout",
            "authorization_response_iss_parameter_supported": self.names_itself,
        }

    def _token(self, headers: Mapping[str, str], form: dict[str, str]) -> HttpAnswer:
        pair = b64decode(headers["authorization"].removeprefix("Basic ")).decode()
        assert pair == f"{CLIENT}:{SECRET.replace(' ', '+')}"
        login = self.logins.pop(form["code"], None)
        challenge = urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if (
            login is None
            or challenge != login.parameters["code_challenge"]
            or form["redirect_uri"] != login.parameters["redirect_uri"]
        ):
            return _json(400, {"error": "invalid_grant"})
        access_token = str(new_uuid())
        self.userinfo[access_token] = {"sub": login.subject, **login.claims}
        id_token = self.bend_token(self._id_token(login, access_token))
        return _json(200, {"access_token": access_token, "token_type": "Bearer", "id_token": id_token})

    def _id_token(self, login: Login, access_token: str) -> str:
        now = int(self.clock.now().timestamp())
        digest = hashlib.sha256(access_token.encode()).digest()
        claims = {
            "iss": self.issuer,
            "sub": login.subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": login.parameters["nonce"],
            "at_hash": urlsafe_b64encode(digest[:16]).decode(),
            **login.claims,
        }
        header = self.bend_header({"alg": "ES256", "kid": self.key.thumbprint()})
        payload = json.dumps(self.bend_claims(claims)).encode()
        return sign(json_b64encode(header), payload, "ES256", self.key)


def _json(status: int, content: Any) -> HttpAnswer:
    return HttpAnswer(status, "application/json", json.dumps(content).encode())
