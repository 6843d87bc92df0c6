"""The transport of plain programs: the standard library's HTTP client, which loads in a tenth of the time of others.

Nothing here waits by `await`: a coroutine over this transport runs to its end when it is started.
"""

import http.client
import socket
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urlsplit

from superfacility.client.environment import proxy_for
from superfacility.client.transport.messages import (
    PIECE,
    Body,
    Broken,
    NotReached,
    NotTrusted,
    Reply,
    Request,
    Result,
    not_trusted,
)

if TYPE_CHECKING:
    import ssl

_IDLE = 8
"""Connections that are kept for the next request."""
_FAILURES = (OSError, http.client.HTTPException, ValueError)


class BlockingReply:
    """A reply whose connection goes back to its transport once the body is read."""

    def __init__(
        self,
        response: http.client.HTTPResponse,
        connection: http.client.HTTPConnection,
        wire: socket.socket | None,
        keep: Callable[[http.client.HTTPConnection], None],
    ) -> None:
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.getheaders()}
        self._response = response
        self._connection = connection
        self._wire = wire
        self._keep = keep
        self._left = response.length  # of a body whose length is known; http.client counts it in newer versions alone
        self._complete = False

    async def piece(self, timeout: float | None = None) -> bytes:
        try:
            if timeout is not None and self._wire is not None:
                self._wire.settimeout(max(timeout, 0.001))
            data = b"" if self._left == 0 else self._response.read1(min(PIECE, self._left or PIECE))
        except _FAILURES as problem:
            raise Broken(str(problem) or type(problem).__name__) from problem
        if not data and self._left:
            raise Broken("the connection ended in the middle")
        if self._left is not None:
            self._left -= len(data)
        self._complete = not data
        return data

    async def close(self) -> None:
        self._response.close()
        if self._complete and not self._response.will_close:
            self._keep(self._connection)
        else:
            self._connection.close()


class BlockingTransport:
    """Any number of threads may share it."""

    def __init__(self, context: "Callable[[], ssl.SSLContext] | None" = None) -> None:
        self._context = context
        self._idle: dict[tuple[str, str], list[http.client.HTTPConnection]] = {}

    async def send(self, request: Request) -> Reply:
        address = urlsplit(request.url)
        idle = self._idle.get((address.scheme, address.netloc), [])
        while idle and request.repeatable:
            connection = idle.pop()
            try:
                return self._exchange(connection, address, request)
            except Broken as problem:
                if not _was_closed(problem.__cause__):
                    raise
        return self._exchange(self._connected(address, request.timeout), address, request)

    async def sleep(self, seconds: float) -> None:
        time.sleep(seconds)  # noqa: ASYNC251 - there is no event loop here

    async def offload(self, function: Callable[[], Result]) -> Result:
        return function()

    def lock(self) -> "ThreadLock":
        return ThreadLock()

    async def close(self) -> None:
        for idle in self._idle.values():
            while idle:
                idle.pop().close()

    def _connected(self, address: SplitResult, timeout: float) -> http.client.HTTPConnection:
        connection = self._connection(address, timeout)
        try:
            connection.connect()
        except _FAILURES as problem:
            if address.scheme == "https" and (words := not_trusted(problem)):
                raise NotTrusted(words) from problem
            raise NotReached(_cause(problem) + _on_the_way(address)) from problem
        if connection.sock is not None:
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _connection(self, address: SplitResult, timeout: float) -> http.client.HTTPConnection:
        host, port = address.hostname or "", address.port
        through = _proxy(address)
        if address.scheme == "https":
            context = self._context() if self._context is not None else None
            if through is None:
                return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
            secure = http.client.HTTPSConnection(through.hostname or "", through.port, timeout=timeout, context=context)
            secure.set_tunnel(host, port or 443, _for_proxy(through))
            return secure
        if through is not None:
            return http.client.HTTPConnection(through.hostname or "", through.port or 80, timeout=timeout)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _exchange(self, connection: http.client.HTTPConnection, address: SplitResult, request: Request) -> Reply:
        if connection.sock is not None:
            connection.sock.settimeout(request.timeout)
        through = _proxy(address) if address.scheme == "http" else None
        target = request.url if through is not None else _target(address)
        headers = {**_headers(request), **(_for_proxy(through) if through is not None else {})}
        keep = self._keeper(address)
        try:
            try:
                connection.request(request.method, target, _content(request.body), headers)
            except (BrokenPipeError, ConnectionResetError):
                keep = http.client.HTTPConnection.close  # it may have answered before it had read all
            wire = connection.sock  # http.client forgets it when the server will close
            response = connection.getresponse()
        except _FAILURES as problem:
            connection.close()
            raise Broken(_cause(problem)) from problem
        return BlockingReply(response, connection, wire, keep)

    def _keeper(self, address: SplitResult) -> Callable[[http.client.HTTPConnection], None]:
        idle = self._idle.setdefault((address.scheme, address.netloc), [])

        def keep(connection: http.client.HTTPConnection) -> None:
            if len(idle) < _IDLE:
                idle.append(connection)
            else:
                connection.close()

        return keep


class ThreadLock:
    """A lock between threads that coroutines without a loop can hold.

    It is taken and given back in the calls themselves: an interrupt between a call and its `await` loses nothing.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __aenter__(self) -> "_Done":
        self._lock.acquire()
        return _Done()

    def __aexit__(self, *_: object) -> "_Done":
        self._lock.release()
        return _Done()


class _Done:
    """Nothing to wait for."""

    def __await__(self) -> Generator[None, None, None]:
        yield from ()


def _proxy(address: SplitResult) -> SplitResult | None:
    """The proxy that an address is reached through."""
    proxy = proxy_for(address.scheme, address.hostname or "")
    return urlsplit(proxy if "//" in proxy else f"//{proxy}") if proxy else None


def _for_proxy(proxy: SplitResult) -> dict[str, str]:
    """Who we are to a proxy that wants to know."""
    if proxy.username is None:
        return {}
    from base64 import b64encode
    from urllib.parse import unquote

    who = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"proxy-authorization": f"Basic {b64encode(who.encode()).decode()}"}


def _on_the_way(address: SplitResult) -> str:
    """Where else the fault may lie."""
    proxy = _proxy(address)
    return f", through the proxy {proxy.hostname}:{proxy.port or 80}" if proxy is not None else ""


def _target(address: SplitResult) -> str:
    return (address.path or "/") + (f"?{address.query}" if address.query else "")


def _content(body: bytes | Body | None) -> bytes | Iterator[bytes] | None:
    return iter(body.pieces()) if isinstance(body, Body) else body


def _headers(request: Request) -> dict[str, str]:
    headers = {"accept-encoding": "identity", **request.headers}
    if isinstance(request.body, Body):
        headers["content-length"] = str(request.body.length)
    return headers


def _was_closed(problem: BaseException | None) -> bool:
    """The server had closed a connection that was idle, before it read anything of the request."""
    return isinstance(problem, http.client.RemoteDisconnected | BrokenPipeError | ConnectionResetError)


def _cause(problem: BaseException) -> str:
    if isinstance(problem, TimeoutError):
        return "nothing came in time"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    return str(problem) or type(problem).__name__
