"""How programs talk to the token service: forms in, JSON out, refusals as RFC 6749 words them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from fastapi import Request, Response

from superfacility.oauth.errors import OAuthError

MAX_BODY = 4 * 1024 * 1024
MAX_PARAMETERS = 50
_FORM = "application/x-www-form-urlencoded"
PUBLISHED = {"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"}
"""Headers of what everybody may read and keep for a while."""

Parameters = dict[str, list[str]]


async def form_of(request: Request, *, query_allowed: bool = False) -> Parameters:
    """Form and, where allowed, query parameters together, so that one in both counts as sent twice."""
    form = parsed(await _body(request))
    query = parsed(request.scope["query_string"])
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


def parsed(text: bytes) -> Parameters:
    try:
        return parse_qs(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        raise OAuthError("invalid_request", "The parameters cannot be read.") from None


def answer(body: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    kept = {"Cache-Control": "no-store", "Pragma": "no-cache"} if headers is None else dict(headers)
    return Response(orjson.dumps(body), status, kept, "application/json")


def refusal(error: OAuthError, request: Request) -> Response:
    response = answer({"error": error.error, "error_description": error.description}, error.status)
    if error.status == 401:
        # RFC 6749 section 5.2: answer in the scheme that was tried
        basic = request.headers.get("authorization", "").lower().startswith("basic ")
        response.headers["WWW-Authenticate"] = f'{"Basic" if basic else "Bearer"} realm="token endpoint"'
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response
