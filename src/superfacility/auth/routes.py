"""The token endpoint, our public keys, and where to find everything. Paths are from the root of the site."""

from fastapi import APIRouter, Request, Response

from superfacility.auth.documentation import TOKEN_OPENAPI, TOKEN_RESPONSES
from superfacility.auth.messages import PUBLISHED, answer, form_of, refusal
from superfacility.auth.provider.context import count_stranger, proof_of, provider_of
from superfacility.facility.errors import NotFound
from superfacility.http.security import PUBLIC, caller_address
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.server_metadata import (
    DISCOVERY_PATH,
    GRANT_TYPES,
    JWKS_PATH,
    METADATA_PATH,
    RESOURCE_PATH,
    TOKEN_PATH,
    discovery,
    resource_metadata,
    resource_metadata_url,
    server_metadata,
)
from superfacility.oauth.token_requests import GRANT_TYPE
from superfacility.services.access.tokens import TokenService

_FOR_PEOPLE = frozenset(GRANT_TYPES) - {GRANT_TYPE}

router = APIRouter(tags=["auth"])


@router.post(TOKEN_PATH, dependencies=[PUBLIC], responses=TOKEN_RESPONSES, openapi_extra=TOKEN_OPENAPI)
async def token(request: Request) -> Response:
    """Prove a client by a signed assertion, or show what a person has allowed, and get an access token."""
    count_stranger(request)
    tokens = _tokens(request)
    try:
        parameters = await form_of(request, query_allowed=tokens.query_allowed)
        proof, address = proof_of(request, tokens.urls), caller_address(request)
        if parameters.get("grant_type", [""])[0] not in _FOR_PEOPLE:
            by_query = bool(request.scope["query_string"])
            return answer(await tokens.issue(parameters, address, proof, by_query=by_query))
        if request.scope["query_string"]:
            raise OAuthError("invalid_request", "Send codes and tokens in the form body: URLs end up in logs.")
        return answer(await provider_of(request).exchange.redeem(parameters, address, proof))
    except OAuthError as error:
        return refusal(error, request)


@router.get(JWKS_PATH, dependencies=[PUBLIC])
async def jwks(request: Request) -> Response:
    """The public keys that access tokens and `id_token`s are signed with."""
    return answer(_tokens(request).jwks(), headers=PUBLISHED)


@router.get(METADATA_PATH, dependencies=[PUBLIC])
async def metadata(request: Request) -> Response:
    """What the token service can do (RFC 8414)."""
    return answer(server_metadata(_tokens(request).urls), headers=PUBLISHED)


@router.get(DISCOVERY_PATH, dependencies=[PUBLIC])
async def openid_configuration(request: Request) -> Response:
    """The same with what OpenID Connect adds (OpenID Connect Discovery)."""
    return answer(discovery(_tokens(request).urls, provider_of(request).keys.algorithm), headers=PUBLISHED)


@router.get(RESOURCE_PATH + "/{path:path}", dependencies=[PUBLIC])
async def protected_resource(request: Request) -> Response:
    """Who gives tokens for the API (RFC 9728)."""
    urls = _tokens(request).urls
    if urls.at(request.url.path) != resource_metadata_url(urls):
        raise NotFound("There is no such resource here.")
    return answer(resource_metadata(urls, provider_of(request).name), headers=PUBLISHED)


def _tokens(request: Request) -> TokenService:
    found: TokenService = request.app.state.services.tokens
    return found
