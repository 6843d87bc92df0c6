"""Webhooks by HTTP, to a checked address: the name is resolved here, once, and the connection goes to what was found.

The name counts for TLS and the Host header alone, so that no second look-up can lead elsewhere. No proxy of the
environment, no redirect, no cookie, and no connection that is used twice.
"""

import asyncio
import math
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from ipaddress import ip_address

import httpx2

from superfacility.adapters.web.addresses import Address
from superfacility.adapters.web.rules import ReachRules, Target
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.callbacks import Answer
from superfacility.facility.errors import Unavailable

USER_AGENT = "Superfacility-Callbacks/1"
MOST_ADDRESSES = 3
"""Addresses of one name that are tried."""
RESOLVERS = 64
"""Threads that look up names: far more than one person can keep waiting with a name server that does not answer."""

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class HttpWebhookSender:
    """`WebhookSender`. `time_limit` bounds a whole attempt in seconds, the look-up of the name included."""

    def __init__(
        self,
        rules: ReachRules | None = None,
        *,
        time_limit: float = 15.0,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._rules = rules or ReachRules()
        self._time_limit = time_limit
        self._threads = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver")
        self._resolve = resolve or self._look_up
        self._tls = tls
        self._clock = clock or SystemClock()
        self._opened: httpx2.AsyncHTTPTransport | None = None

    def check(self, url: str) -> None:
        self._rules.target(url)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        target = self._rules.target(url)
        try:
            async with asyncio.timeout(self._time_limit):
                addresses = await self._resolve(target.host, target.port)
                self._rules.permit(target.host, addresses)
                return await self._post_to_any(target, addresses, headers, body)
        except TimeoutError as problem:
            raise Unavailable(f"{target.host} did not answer within {self._time_limit:g} seconds.") from problem

    async def _post_to_any(
        self, target: Target, addresses: Sequence[Address], headers: Mapping[str, str], body: bytes
    ) -> Answer:
        """The next address only where no connection came about: a request is sent once in an attempt."""
        words = "it has no address"
        for address in addresses[:MOST_ADDRESSES]:
            try:
                return await self._post_to(target, address, headers, body)
            except httpx2.ConnectError as problem:
                words = str(problem) or "no connection"
            except httpx2.HTTPError as problem:
                raise Unavailable(f"{target.host} does not answer as HTTP: {_words(problem)}") from problem
        raise Unavailable(f"{target.host} cannot be reached: {words}")

    async def _post_to(self, target: Target, address: Address, headers: Mapping[str, str], body: bytes) -> Answer:
        host = f"[{address}]" if address.version == 6 else str(address)
        url = httpx2.URL(f"{target.scheme}://{host}:{target.port}").copy_with(raw_path=target.path.encode("ascii"))
        fixed = {"host": target.authority, "user-agent": USER_AGENT, "content-type": "application/json"}
        extensions = {"sni_hostname": target.host}
        request = httpx2.Request("POST", url, headers={**headers, **fixed}, content=body, extensions=extensions)
        response = await self._connections().handle_async_request(request)
        try:
            return Answer(response.status_code, self._pause(response.headers.get("retry-after")))
        finally:
            await response.aclose()  # with the connection: the body is nobody's business, however long it is

    def _connections(self) -> httpx2.AsyncHTTPTransport:
        """A transport and not a client: that one would bring cookies and redirects along."""
        if self._opened is None:
            self._opened = httpx2.AsyncHTTPTransport(
                verify=self._tls or ssl.create_default_context(),
                trust_env=False,
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=0),
            )
        return self._opened

    def _pause(self, value: str | None) -> float | None:
        """`Retry-After` in either form; what is neither is as if it were not there."""
        if value is None:
            return None
        try:
            seconds = float(value)
        except ValueError:
            try:
                seconds = (parsedate_to_datetime(value) - self._clock.now()).total_seconds()
            except (ValueError, TypeError):
                return None
        return max(seconds, 0.0) if math.isfinite(seconds) else None

    async def _look_up(self, host: str, port: int) -> Sequence[Address]:
        """In threads of our own: a name server that hangs must not stop what else waits for a thread."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._threads, _getaddrinfo, host, port)
        except (OSError, UnicodeError) as problem:
            raise Unavailable(f"The name {host} cannot be resolved: {problem}") from problem
        return list(dict.fromkeys(found))

    async def aclose(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._opened is not None:
            await self._opened.aclose()


def _getaddrinfo(host: str, port: int) -> list[Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [ip_address(str(each[4][0]).partition("%")[0]) for each in found]


def _words(problem: Exception) -> str:
    return str(problem) or type(problem).__name__
