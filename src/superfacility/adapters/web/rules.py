"""What a site lets callbacks reach, and the check of a URL that needs no network."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

import httpx2

from superfacility.adapters.web.addresses import Address, Network, closed, literal, within
from superfacility.facility.errors import InvalidInput, NotPermitted

DEFAULT_PORTS = {"https": 443, "http": 80}
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one URL leads: `host` is a name or a plain address, `path` is the encoded path with its query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class ReachRules:
    """`ports` empty means any. Names in `hosts` and addresses in `networks` are open though they are our own."""

    ports: frozenset[int] = frozenset({443, 8443})
    http: bool = False
    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, *, allow: Iterable[str] = (), ports: Iterable[int] = (443, 8443), http: bool = False) -> "ReachRules":
        """`allow` names hosts and CIDRs. With `http`, port 80 is open as well."""
        hosts, networks = set(), []
        for entry in allow:
            try:
                networks.append(ip_network(entry))
            except ValueError:
                if not _NAME.fullmatch(entry.lower()):
                    raise InvalidInput(
                        f"{entry!r} is neither the name of a host nor a network such as 10.0.0.0/8."
                    ) from None
                hosts.add(entry.lower())
        chosen = frozenset(ports)
        return cls(chosen | {80} if http and chosen else chosen, http, frozenset(hosts), tuple(networks))

    def target(self, url: str) -> Target:
        """`InvalidInput` with the reason for what may never be sent to."""
        try:
            parsed = httpx2.URL(url)
            port = parsed.port
        except (httpx2.InvalidURL, ValueError, UnicodeError) as problem:
            raise InvalidInput("callbackUrl is not a URL: write one such as https://example.org/hook.") from problem
        if _UNPRINTABLE.search(url):
            raise InvalidInput("callbackUrl has spaces, backslashes or control characters: encode them.")
        if parsed.scheme != "https" and not (parsed.scheme == "http" and self.http):
            raise InvalidInput(f"callbackUrl must begin with https://{' or http://' if self.http else ''}.")
        if parsed.userinfo or "@" in url.split("?", 1)[0].split("#", 1)[0].partition("://")[2].partition("/")[0]:
            raise InvalidInput("callbackUrl carries a name or password: leave them out, requests are signed.")
        target = Target(
            parsed.scheme,
            self._host(parsed.raw_host.decode("ascii").lower()),
            DEFAULT_PORTS[parsed.scheme] if port is None else port,
            parsed.raw_path.decode("ascii"),
        )
        if self.ports and target.port not in self.ports:
            allowed = ", ".join(map(str, sorted(self.ports)))
            raise InvalidInput(f"callbackUrl has the port {target.port}; this site sends to: {allowed}.")
        return target

    def _host(self, host: str) -> str:
        address = literal(host)
        if address is not None:
            if "%" in host:
                raise InvalidInput("callbackUrl names a network interface; write a public address.")
            if (why := self.why_closed(str(address), address)) is not None:
                raise InvalidInput(f"callbackUrl leads to {address} ({why}), which callbacks may not reach.")
            return str(address)
        if not _NAME.fullmatch(host) or len(host) > 253:
            raise InvalidInput("callbackUrl has no proper host: write a name or an address in its ordinary form.")
        if host not in self.hosts and (host == "localhost" or host.endswith(".localhost")):
            raise InvalidInput("callbackUrl leads to this machine, which callbacks may not reach.")
        return host

    def why_closed(self, host: str, address: Address) -> str | None:
        """Why that host may not be reached at this address; None if it may."""
        return None if host in self.hosts or within(address, self.networks) else closed(address)

    def permit(self, host: str, addresses: Iterable[Address]) -> None:
        """`NotPermitted` if any of a name's addresses is closed: one that resolves to both kinds is a trick."""
        for address in addresses:
            if (why := self.why_closed(host, address)) is not None:
                raise NotPermitted(f"{host} resolves to {address} ({why}), which callbacks may not reach.")
