"""Asking the services that the facility has named, and never what their answers could lead us to.

An address that one of them names (in its own configuration, say) is asked only if it is public, or of the very origin
that the facility has written down. The name is resolved once and the connection goes to what was checked.
"""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from ipaddress import ip_address

import httpx2

from superfacility.adapters.web.addresses import Address
from superfacility.adapters.web.rules import DEFAULT_PORTS, ReachRules, Target
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable
from superfacility.oauth.identity.providers import HttpAnswer

USER_AGENT = "Superfacility-Login/1"
_LARGEST = 1024 * 1024
_MOST_ADDRESSES = 3

Resolve = Callable[[str, int], Awaitable[Sequence[Address]]]


class GuardedExchange:
    """`HttpExchange`. `home` is a URL of the origin that may be asked wherever it is, `allow` names further hosts and
    networks of the facility's own. `time_limit` bounds a whole question in seconds."""

    def __init__(
        self,
        home: str,
        *,
        allow: Iterable[str] = (),
        time_limit: float = 10.0,
        resolve: Resolve | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        url = httpx2.URL(home)
        self._origin = (url.scheme, url.host, url.port or DEFAULT_PORTS[url.scheme])
        self._home = ReachRules.of(allow=[url.host], ports=[self._origin[2]], http=url.scheme == "http")
        self._others = ReachRules.of(allow=allow)
        self._time_limit = time_limit
        self._resolve = resolve or _look_up
        self._tls = tls
        self._opened: httpx2.AsyncHTTPTransport | None = None

    def check(self, url: str) -> None:
        self._target(url)

    async def ask(self, method: str, url: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        rules, target = self._target(url)
        try:
            async with asyncio.timeout(self._time_limit):
                addresses = await self._resolve(target.host, target.port)
                try:
                    rules.permit(target.host, addresses)
                except NotPermitted as problem:
                    raise NotPermitted(f"{target.host} has an address that may not be asked.") from problem
                return await self._ask_any(target, addresses, method, headers, body)
        except TimeoutError as problem:
            raise Unavailable(f"{target.host} did not answer within {self._time_limit:g} seconds.") from problem

    def _target(self, url: str) -> tuple[ReachRules, Target]:
        for rules in (self._home, self._others):
            try:
                target = rules.target(url)
            except InvalidInput:
                continue
            if rules is self._others or (target.scheme, target.host, target.port) == self._origin:
                return rules, target
        raise InvalidInput("This address may not be asked: it is neither public https nor the service's own.")

    async def _ask_any(
        self, target: Target, addresses: Sequence[Address], method: str, headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        words = "it has no address"
        for address in addresses[:_MOST_ADDRESSES]:
            try:
                return await self._ask(target, address, method, headers, body)
            except httpx2.ConnectError as problem:
                words = str(problem) or "no connection"
            except httpx2.HTTPError as problem:
                raise Unavailable(f"{target.host} does not answer as HTTP: {problem}") from problem
        raise Unavailable(f"{target.host} cannot be reached: {words}")

    async def _ask(
        self, target: Target, address: Address, method: str, headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        host = f"[{address}]" if address.version == 6 else str(address)
        url = httpx2.URL(f"{target.scheme}://{host}:{target.port}").copy_with(raw_path=target.path.encode("ascii"))
        fixed = {"host": target.authority, "user-agent": USER_AGENT, "accept-encoding": "identity"}
        extensions = {"sni_hostname": target.host}
        request = httpx2.Request(method, url, headers={**headers, **fixed}, content=body, extensions=extensions)
        response = await self._connections().handle_async_request(request)
        try:
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            return HttpAnswer(response.status_code, media_type, await _content(response, target.host))
        finally:
            await response.aclose()

    def _connections(self) -> httpx2.AsyncHTTPTransport:
        """A transport and not a client: that one would bring cookies and redirects along."""
        if self._opened is None:
            self._opened = httpx2.AsyncHTTPTransport(
                verify=self._tls or ssl.create_default_context(),
                trust_env=False,
                limits=httpx2.Limits(max_connections=20, max_keepalive_connections=0),
            )
        return self._opened

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()


async def _content(response: httpx2.Response, host: str) -> bytes:
    content = bytearray()
    async for piece in response.aiter_raw():
        content += piece
        if len(content) > _LARGEST:
            raise Unavailable(f"{host} answers with more than anybody wants to read.")
    return bytes(content)


async def _look_up(host: str, port: int) -> Sequence[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise Unavailable(f"The name {host} cannot be resolved: {problem}") from problem
    return list(dict.fromkeys(ip_address(str(each[4][0]).partition("%")[0]) for each in found))
