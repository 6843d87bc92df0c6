"""One identity provider."""

import hashlib
import hmac
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from joserfc.util import urlsafe_b64encode

from superfacility.adapters.oidc.asking import Remembered, ask_json, unusable
from superfacility.adapters.oidc.configuration import ProviderConfiguration
from superfacility.adapters.oidc.discovery import Metadata, discover
from superfacility.adapters.oidc.id_token import checked_id_token, unproven
from superfacility.adapters.oidc.keys import ProviderKeys
from superfacility.adapters.oidc.token_request import redeem
from superfacility.core.clock import Clock
from superfacility.facility.errors import NotPermitted, Unavailable
from superfacility.oauth.identity.providers import HttpExchange, Identity, Visit

_DISCOVERED_FOR = 3600.0
_PROTOCOL = frozenset({"iss", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "azp", "sub", "acr", "amr", "auth_time"})
"""Claims that userinfo has no say in."""
_log = structlog.get_logger(__name__)


class OidcProvider:
    """`IdentityProvider` by the authorization code flow with PKCE (RFC 9700)."""

    def __init__(self, configuration: ProviderConfiguration, http: HttpExchange, clock: Clock) -> None:
        self._configuration = configuration
        self._http = http
        self._clock = clock
        self._metadata = Remembered(lambda: discover(http, configuration.issuer), clock, _DISCOVERED_FOR)
        self._keys: dict[str, ProviderKeys] = {}

    async def login_url(self, visit: Visit, redirect_uri: str) -> str:
        with self._told():
            metadata = await self._metadata.get()
        challenge = urlsafe_b64encode(hashlib.sha256(visit.verifier.encode()).digest()).decode("ascii")
        parameters = {
            "response_type": "code",
            "client_id": self._configuration.client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._configuration.scopes),
            "state": visit.state,
            "nonce": visit.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if self._configuration.required_acr:
            parameters["acr_values"] = " ".join(self._configuration.required_acr)
        return _with_query(metadata.authorization_endpoint, parameters)

    async def identity(self, answer: Mapping[str, str], visit: Visit, redirect_uri: str) -> Identity:
        with self._told():
            return await self._identity(answer, visit, redirect_uri)

    async def _identity(self, answer: Mapping[str, str], visit: Visit, redirect_uri: str) -> Identity:
        metadata = await self._metadata.get()
        code = self._code(answer, visit, metadata)
        now = self._clock.now()
        tokens = await redeem(self._http, metadata, self._configuration, code, visit, redirect_uri, now)
        id_token, access_token = _text(tokens, "id_token"), _text(tokens, "access_token")
        if id_token is None:
            raise unproven("no id_token")
        claims = await checked_id_token(
            id_token,
            self._configuration,
            self._keys_at(metadata.jwks_uri),
            nonce=visit.nonce,
            access_token=access_token,
            now=now,
        )
        self._check_strength(claims)
        more = await self._userinfo(metadata, claims, access_token)
        return Identity(claims["sub"], {**more, **claims}, _methods(claims), id_token)

    def _code(self, answer: Mapping[str, str], visit: Visit, metadata: Metadata) -> str:
        """The state first: an answer to another browser's question is not even read."""
        if not hmac.compare_digest(answer.get("state", "").encode("utf-8", "replace"), visit.state.encode()):
            raise unproven("state is another login's")
        if (metadata.names_itself or "iss" in answer) and answer.get("iss") != self._configuration.issuer:
            raise unproven("the answer is of another issuer (RFC 9207)")
        if "error" in answer:
            declined = answer["error"] in {"access_denied", "login_required", "interaction_required"}
            problem = NotPermitted(
                "You did not log in at the identity provider."
                if declined
                else "The identity provider could not log you in. Tell the facility's staff."
            )
            problem.add_note(f"error {answer['error'][:80]!r}")
            raise problem
        if not answer.get("code"):
            raise unproven("no code")
        return answer["code"]

    def _check_strength(self, claims: Mapping[str, Any]) -> None:
        wanted, methods = self._configuration.required_acr, set(_methods(claims))
        missing = set(self._configuration.required_amr) - methods
        if (wanted and claims.get("acr") not in wanted) or missing:
            problem = NotPermitted("This facility wants a stronger login: use your second factor there, and try again.")
            problem.add_note(f"acr {claims.get('acr')!r}, amr {sorted(methods)}")
            raise problem

    async def _userinfo(
        self, metadata: Metadata, claims: Mapping[str, Any], access_token: str | None
    ) -> dict[str, Any]:
        """What the ID token leaves out; it counts only if it is of the same subject."""
        if all(name in claims for name in self._configuration.wanted):
            return {}
        if metadata.userinfo_endpoint is None or access_token is None:
            return {}
        headers = {"authorization": f"Bearer {access_token}"}
        status, found = await ask_json(self._http, "GET", metadata.userinfo_endpoint, headers)
        if status != 200:
            raise unusable(f"{metadata.userinfo_endpoint}: status {status}")
        if found.get("sub") != claims["sub"]:
            raise unproven("userinfo is of another subject")
        return {name: value for name, value in found.items() if name not in _PROTOCOL}

    async def logout_url(self, id_token: str, return_to: str) -> str | None:
        metadata = await self._metadata.get()
        if metadata.end_session_endpoint is None:
            return None
        parameters = {
            "id_token_hint": id_token,
            "client_id": self._configuration.client_id,
            "post_logout_redirect_uri": return_to,
        }
        return _with_query(metadata.end_session_endpoint, parameters)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """The log says why; the page does not."""
        try:
            yield
        except (NotPermitted, Unavailable) as problem:
            why = getattr(problem, "__notes__", [])
            _log.warning("no login at the provider", issuer=self._configuration.issuer, why=why)
            raise

    def _keys_at(self, url: str) -> ProviderKeys:
        if url not in self._keys:
            self._keys = {url: ProviderKeys(self._http, url, self._clock)}
        return self._keys[url]


def _methods(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get("amr")
    return tuple(each for each in found[:20] if isinstance(each, str)) if isinstance(found, list) else ()


def _text(found: Mapping[str, Any], name: str) -> str | None:
    value = found.get(name)
    return value if isinstance(value, str) else None


def _with_query(url: str, parameters: Mapping[str, str]) -> str:
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(parameters)}"
