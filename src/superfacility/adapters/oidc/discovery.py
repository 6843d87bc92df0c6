"""What a provider says of itself (OpenID Connect Discovery 1.0)."""

from dataclasses import dataclass
from typing import Any

from superfacility.adapters.oidc.asking import ask_json, unusable
from superfacility.facility.errors import InvalidInput
from superfacility.oauth.identity.providers import HttpExchange

_PATH = "/.well-known/openid-configuration"


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints, all of which may be asked or shown to a browser."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    end_session_endpoint: str | None
    names_itself: bool
    """Its answers carry `iss` (RFC 9207)."""
    basic: bool
    """It takes a secret in the Authorization header."""


async def discover(http: HttpExchange, issuer: str) -> Metadata:
    """`Unavailable` unless it is the configured issuer's own and complete."""
    url = issuer.rstrip("/") + _PATH
    status, found = await ask_json(http, "GET", url)
    if status != 200:
        raise unusable(f"{url}: status {status}")
    if found.get("issuer") != issuer:
        raise unusable(f"{url} says that its issuer is {found.get('issuer')!r}, not {issuer!r}")
    methods = found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        authorization_endpoint=_endpoint(http, found, "authorization_endpoint"),
        token_endpoint=_endpoint(http, found, "token_endpoint"),
        jwks_uri=_endpoint(http, found, "jwks_uri"),
        userinfo_endpoint=_optional(http, found, "userinfo_endpoint"),
        end_session_endpoint=_optional(http, found, "end_session_endpoint"),
        names_itself=found.get("authorization_response_iss_parameter_supported") is True,
        basic=not isinstance(methods, list) or "client_secret_basic" in methods,
    )


def _endpoint(http: HttpExchange, found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str) or "#" in value:
        raise unusable(f"no {name}")
    try:
        http.check(value)
    except InvalidInput as problem:
        raise unusable(f"{name}: {problem}") from problem
    return value


def _optional(http: HttpExchange, found: dict[str, Any], name: str) -> str | None:
    return None if found.get(name) is None else _endpoint(http, found, name)
