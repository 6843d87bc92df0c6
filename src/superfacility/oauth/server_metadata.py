"""Where the token service is found, and what it publishes of itself (RFC 8414, RFC 9728, OpenID Connect Discovery)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from superfacility.oauth.scopes import Scope
from superfacility.oauth.signatures import KEY_TYPES

TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
JWKS_PATH = "/oauth2/jwks"
AUTHORIZE_PATH = "/oauth2/authorize"
PUSH_PATH = "/oauth2/par"
DEVICE_PATH = "/oauth2/device_authorization"
VERIFICATION_PATH = "/oauth2/device"
REVOKE_PATH = "/oauth2/revoke"
INTROSPECT_PATH = "/oauth2/introspect"
USERINFO_PATH = "/oauth2/userinfo"
LOGOUT_PATH = "/oauth2/logout"
METADATA_PATH = "/.well-known/oauth-authorization-server"
DISCOVERY_PATH = "/.well-known/openid-configuration"
RESOURCE_PATH = "/.well-known/oauth-protected-resource"

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
GRANT_TYPES = ("client_credentials", "authorization_code", "refresh_token", DEVICE_GRANT)
IDENTITY_SCOPES = ("openid", "profile", "email", "offline_access")


@dataclass(frozen=True, slots=True)
class PublicUrls:
    """`issuer` is the public URL, `audience` the base URL of the API; the first token URL is the one we publish."""

    issuer: str
    audience: str
    token_urls: tuple[str, ...]

    def at(self, path: str) -> str:
        return self.issuer.rstrip("/") + path

    @property
    def token_url(self) -> str:
        return self.token_urls[0] if self.token_urls else self.at(TOKEN_PATH)


def server_metadata(urls: PublicUrls) -> dict[str, Any]:
    authentication = _authentication(("private_key_jwt", "none"))
    return {
        "issuer": urls.issuer,
        "authorization_endpoint": urls.at(AUTHORIZE_PATH),
        "pushed_authorization_request_endpoint": urls.at(PUSH_PATH),
        "token_endpoint": urls.token_url,
        "device_authorization_endpoint": urls.at(DEVICE_PATH),
        "revocation_endpoint": urls.at(REVOKE_PATH),
        "introspection_endpoint": urls.at(INTROSPECT_PATH),
        "userinfo_endpoint": urls.at(USERINFO_PATH),
        "end_session_endpoint": urls.at(LOGOUT_PATH),
        "jwks_uri": urls.at(JWKS_PATH),
        "scopes_supported": sorted([*IDENTITY_SCOPES, *(scope.value for scope in Scope)]),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "require_pushed_authorization_requests": False,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "dpop_signing_alg_values_supported": list(KEY_TYPES),
        **{f"token_endpoint_{name}": value for name, value in authentication.items()},
        **{f"revocation_endpoint_{name}": value for name, value in authentication.items()},
        **{f"introspection_endpoint_{name}": value for name, value in _authentication(("private_key_jwt",)).items()},
    }


def discovery(urls: PublicUrls, algorithm: str) -> dict[str, Any]:
    """What OpenID Connect adds; `algorithm` signs the `id_token`s."""
    claims = ["sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "acr", "at_hash", "sid", "email"]
    names = ["preferred_username", "name", "given_name", "middle_name", "family_name"]
    return {
        **server_metadata(urls),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(dict.fromkeys((algorithm, "RS256"))),
        "claims_supported": claims + names,
        "claims_parameter_supported": False,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
    }


def resource_metadata_url(urls: PublicUrls) -> str:
    """RFC 9728 section 3.1: the well-known path comes before the resource's own."""
    return urls.at(RESOURCE_PATH) + urlsplit(urls.audience).path


def resource_metadata(urls: PublicUrls, name: str) -> dict[str, Any]:
    """Of the API: who gives tokens for it."""
    return {
        "resource": urls.audience,
        "resource_name": name,
        "authorization_servers": [urls.issuer],
        "jwks_uri": urls.at(JWKS_PATH),
        "scopes_supported": sorted(scope.value for scope in Scope),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(KEY_TYPES),
    }


def _authentication(methods: Iterable[str]) -> dict[str, list[str]]:
    return {"auth_methods_supported": list(methods), "auth_signing_alg_values_supported": list(KEY_TYPES)}
