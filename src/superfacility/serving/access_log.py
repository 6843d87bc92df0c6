"""A line of the log for each request, with its id and, where a token has proven it, who calls. Query strings may hold
secrets and are left out."""

from typing import Any

import structlog

from superfacility.core.clock import SystemClock
from superfacility.http.request_facts import caller_of, request_id

_log = structlog.get_logger("superfacility.access")


class AccessLog:
    """Plain ASGI around the application."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        clock = SystemClock()
        began, status = clock.monotonic(), 0

        async def watch(message: Any) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, watch)
        finally:
            _log.info(
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                milliseconds=round((clock.monotonic() - began) * 1000, 2),
                peer=scope["client"][0] if scope.get("client") else None,
                request_id=request_id(scope).decode(),
                **_caller(scope),
            )


def _caller(scope: Any) -> dict[str, str]:
    principal = caller_of(scope)
    return {} if principal is None else {"client_id": principal.client_id, "user": principal.user.name}
