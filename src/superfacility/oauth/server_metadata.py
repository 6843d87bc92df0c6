"""Where the token service is found, and what it publishes about itself (RFC 8414)."""

from dataclasses import dataclass
from typing import Any

from superfacility.oauth.scopes import Scope
from superfacility.oauth.signatures import KEY_TYPES

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
JWKS_PATH = "/oauth2/jwks"
METADATA_PATH = "/.well-known/oauth-authorization-server"


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """`issuer` is the public URL, `audience` the base URL of the API; the first token URL is the one we publish."""

    issuer: str
    audience: str
    token_urls: tuple[str, ...]


def server_metadata(urls: PublicUrls) -> dict[str, Any]:
    root = urls.issuer.rstrip("/")
    return {
        "issuer": urls.issuer,
        "token_endpoint": urls.token_urls[0] if urls.token_urls else root + TOKEN_PATH,
        "jwks_uri": root + JWKS_PATH,
        "scopes_supported": sorted(scope.value for scope in Scope),
        "response_types_supported": [],
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt"],
        "token_endpoint_auth_signing_alg_values_supported": list(KEY_TYPES),
    }
