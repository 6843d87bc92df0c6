"""The transport of programs with an event loop: httpx2."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping

import httpx2

from superfacility.client.transport.messages import (
    Body,
    Broken,
    Lock,
    NotReached,
    NotTrusted,
    Reply,
    Request,
    Result,
    not_trusted,
)

_FAILURES = (httpx2.TransportError, httpx2.StreamError, httpx2.InvalidURL)

_CLOSED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
"""How it looks when the server had closed a connection that was idle."""
_IDLE_SECONDS = 2.0
"""Less than servers keep one open, so that this is rare."""


class AsyncReply:
    """Its connection goes back to the pool once it is closed."""

    def __init__(self, response: httpx2.Response) -> None:
        self.status = response.status_code
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._pieces = response.aiter_raw()

    async def piece(self, timeout: float | None = None) -> bytes:
        try:
            async with asyncio.timeout(timeout):
                return await anext(self._pieces, b"")
        except (TimeoutError, *_FAILURES) as problem:
            raise Broken(_cause(problem)) from problem

    async def close(self) -> None:
        await self._response.aclose()


class AsyncTransport:
    """For one event loop."""

    def __init__(
        self,
        context: "Callable[[], ssl.SSLContext] | None" = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        verify = True if context is None else context()
        limits = httpx2.Limits(keepalive_expiry=_IDLE_SECONDS)
        self._http = httpx2.AsyncClient(verify=verify, transport=transport, limits=limits, follow_redirects=False)

    async def send(self, request: Request) -> Reply:
        try:
            return await self._sent(request)
        except Broken as problem:
            if not (request.repeatable and isinstance(problem.__cause__, _CLOSED)):
                raise
        return await self._sent(request)

    async def _sent(self, request: Request) -> Reply:
        content = _content(request.body) if isinstance(request.body, Body) else request.body
        headers = {"accept-encoding": "identity", **request.headers}
        if isinstance(request.body, Body):
            headers["content-length"] = str(request.body.length)
        try:
            made = self._http.build_request(
                request.method, request.url, headers=headers, content=content, timeout=request.timeout
            )
            return AsyncReply(await self._http.send(made, stream=True))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as problem:
            if words := not_trusted(problem):
                raise NotTrusted(words) from problem
            raise NotReached(_cause(problem)) from problem
        except _FAILURES as problem:
            raise Broken(_cause(problem)) from problem

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def offload(self, function: Callable[[], Result]) -> Result:
        return await asyncio.to_thread(function)

    def lock(self) -> Lock:
        return asyncio.Lock()

    async def close(self) -> None:
        await self._http.aclose()


async def _content(body: Body) -> AsyncIterator[bytes]:
    pieces = iter(body.pieces())
    while (piece := await asyncio.to_thread(next, pieces, b"")) != b"":
        yield piece


def _cause(problem: BaseException) -> str:
    if isinstance(problem, TimeoutError | httpx2.TimeoutException):
        return "nothing came in time"
    return str(problem) or type(problem).__name__
