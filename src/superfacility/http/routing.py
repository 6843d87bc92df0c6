"""The outermost layer of every request, and plain routes beside FastAPI's.

Existing programs add and leave out trailing slashes and follow no redirects, so both spellings are the same path here.
Paths of `/utilities/` stay byte by byte as they came: there a slash is part of a file's name.
"""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bound_contextvars

from superfacility.http.request_facts import request_id

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
UNLESS_SET = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"WWW-Authenticate, Retry-After, ETag, X-Request-ID, X-Data-As-Of"),
    (b"cache-control", b"no-store"),
]

PublicEndpoint = Callable[[Request], Awaitable[Response]]


class Edge:
    """One pure ASGI layer: one spelling of paths, HEAD, CORS for every origin (no cookies), headers, an id."""

    def __init__(self, app: ASGIApp, base_path: str) -> None:
        self._app = app
        self._verbatim = f"{base_path}/utilities/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        own_id = request_id(scope)
        send = with_headers(send, own_id)
        if scope["method"] == "OPTIONS":
            await _preflight(headers, send)
            return
        if not scope["path"].startswith(self._verbatim):
            scope, send = _one_spelling(scope), _without_body(scope, send)
            if scope["method"] == "HEAD":
                scope = {**scope, "method": "GET"}
        with bound_contextvars(request_id=own_id.decode()):
            await self._app(scope, receive, send)


def public_route(path: str, endpoint: PublicEndpoint) -> Route:
    """A plain GET route that anybody may call."""
    route = Route(path, endpoint, methods=["GET"], include_in_schema=False)
    endpoint.public = True  # type: ignore[attr-defined]  # read by is_public
    return route


def _one_spelling(scope: Scope) -> Scope:
    path = scope["path"]
    if len(path) < 2 or not path.endswith("/"):
        return scope
    raw = scope.get("raw_path") or path.encode()
    return {**scope, "path": path.rstrip("/") or "/", "raw_path": raw.rstrip(b"/") or b"/"}


def _without_body(scope: Scope, send: Send) -> Send:
    if scope["method"] != "HEAD":
        return send

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


def with_headers(send: Send, own_id: bytes) -> Send:
    """Adds what every answer has."""

    async def send_more(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message["headers"])
            present = {name for name, _ in headers}
            headers.extend(each for each in UNLESS_SET if each[0] not in present)
            headers.append((b"x-request-id", own_id))
            message["headers"] = headers
        await send(message)

    return send_more


async def _preflight(headers: dict[bytes, bytes], send: Send) -> None:
    answer = [
        (b"allow", _METHODS),
        (b"access-control-allow-methods", _METHODS),
        (b"access-control-allow-headers", headers.get(b"access-control-request-headers", b"authorization")),
        (b"access-control-max-age", b"600"),
        (b"vary", b"Access-Control-Request-Headers"),
    ]
    await send({"type": "http.response.start", "status": 204, "headers": answer})
    await send({"type": "http.response.body", "body": b""})
