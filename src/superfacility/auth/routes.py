"""The token endpoint, our public keys, and where to find both. Paths are from the root of the site, not of the API."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request, Response

from superfacility.auth.documentation import TOKEN_OPENAPI, TOKEN_RESPONSES
from superfacility.http.security import PUBLIC, caller_address
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.server_metadata import JWKS_PATH, METADATA_PATH, TOKEN_PATH
from superfacility.services.tokens import TokenService

MAX_BODY = 4 * 1024 * 1024
MAX_PARAMETERS = 50
_FORM = "application/x-www-form-urlencoded"
_PUBLISHED = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}

router = APIRouter(tags=["auth"])


@router.post(TOKEN_PATH, dependencies=[PUBLIC], responses=TOKEN_RESPONSES, openapi_extra=TOKEN_OPENAPI)
async def token(request: Request) -> Response:
    """Prove a client by a signed assertion and get an access token for ten minutes."""
    tokens = _tokens(request)
    try:
        parameters = await _parameters(request, query_allowed=tokens.query_allowed)
        return _answer(await tokens.issue(parameters, caller_address(request)))
    except OAuthError as error:
        return _refusal(error, request)


@router.get(JWKS_PATH, dependencies=[PUBLIC])
async def jwks(request: Request) -> Response:
    """The public keys that access tokens are signed with."""
    return _answer(_tokens(request).jwks(), headers=_PUBLISHED)


@router.get(METADATA_PATH, dependencies=[PUBLIC])
async def metadata(request: Request) -> Response:
    """What the token service can do (RFC 8414)."""
    return _answer(_tokens(request).metadata(), headers=_PUBLISHED)


def _tokens(request: Request) -> TokenService:
    found: TokenService = request.app.state.services.tokens
    return found


async def _parameters(request: Request, *, query_allowed: bool) -> dict[str, list[str]]:
    """Form and, where allowed, query parameters together, so that one in both counts as sent twice."""
    form = _parse(await _body(request))
    query = _parse(request.scope["query_string"])
    if query and not query_allowed:
        raise OAuthError("invalid_request", "Send the parameters in the form body: URLs end up in logs.")
    for name, values in query.items():
        form[name] = form.get(name, []) + values
    return form


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > MAX_BODY:
            raise OAuthError("invalid_request", "The request is too large.", 413)
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if body and content_type != _FORM:
        raise OAuthError("invalid_request", f"Send the parameters as {_FORM}.")
    return bytes(body)


def _parse(text: bytes) -> dict[str, list[str]]:
    try:
        return parse_qs(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise OAuthError("invalid_request", "The parameters cannot be read.") from None


def _answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    kept = {"Cache-Control": "no-store", "Pragma": "no-cache"} if headers is None else dict(headers)
    return Response(orjson.dumps(body), status, kept, "application/json")


def _refusal(error: OAuthError, request: Request) -> Response:
    response = _answer({"error": error.error, "error_description": error.description}, error.status)
    if error.status == 401:
        # RFC 6749 section 5.2: answer in the scheme that was tried
        basic = request.headers.get("authorization", "").lower().startswith("basic ")
        response.headers["WWW-Authenticate"] = f'{"Basic" if basic else "Bearer"} realm="token endpoint"'
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
