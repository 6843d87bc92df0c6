"""Where a request comes from, and whether a client may come from there.

`X-Forwarded-For` and `Forwarded` are what anybody can write: they count only when the peer is a trusted proxy, and then
only as far as trusted proxies have written them. `X-Real-IP` and its kin never count.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.scopes import LEVELS, SecurityLevel

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

UNIX_SOCKET = "unix socket"
"""The address of a peer that has none."""
CONTRADICTION = "unknown: Forwarded and X-Forwarded-For differ"
"""The address of a request whose headers tell of two; it lies in no range."""
MIN_PREFIX = {4: 24, 6: 64}

_LOOPBACK = IPv4Address("127.0.0.1")
_RANGE = re.compile(r"[0-9A-Fa-f:.]+(/[0-9]{1,3})?", re.ASCII)
_HOP = re.compile(r"\[(?P<six>[0-9A-Fa-f:.]+)\](?::[0-9]{1,5})?|(?P<four>[0-9.]+):[0-9]{1,5}", re.ASCII)
_FORWARDED_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"(?P<quoted>[^"\\]*)"|(?P<token>[^;"\s]*))\s*(?=;|$)', re.I)


def source_address(
    peer: str | None, x_forwarded_for: Sequence[str], forwarded: Sequence[str], trusted: Sequence[Network]
) -> str:
    """The address that a request comes from, normalised.

    `peer` is the other end of the connection, None on a Unix socket, which counts as loopback when it comes to trust.
    The two sequences hold the values of the headers in the order they came. Of a chain of proxies, the answer is the
    right-most address that is not a trusted proxy; where a header is malformed, the nearest address that we know
    ourselves. Where the headers contradict each other it is `CONTRADICTION`: most proxies write one of them and pass
    the other on as the caller wrote it, and the proxy's own address may well lie in a client's range.
    """
    near = _LOOPBACK if peer is None else parse_address(peer.partition("%")[0])
    own = UNIX_SOCKET if peer is None else peer if near is None else str(near)
    if near is None or not _within(near, trusted):
        return own
    chains = [chain for chain in (_hops(x_forwarded_for), _forwarded_hops(forwarded)) if chain]
    found = {_right_most_untrusted(chain, trusted) for chain in chains}
    if len(found) > 1:
        return CONTRADICTION
    told = found.pop() if found else None
    return own if told is None else str(told)


def _hops(values: Iterable[str]) -> list[str]:
    return [hop.strip() for value in values for hop in value.split(",")]


def _forwarded_hops(values: Iterable[str]) -> list[str]:
    """The `for` of each element; an element without one stays as a hop that nobody can read."""
    hops = []
    for element in _hops(values):
        match = _FORWARDED_FOR.search(element)
        hops.append("" if match is None else match["quoted"] or match["token"] or "")
    return hops


def _right_most_untrusted(hops: Sequence[str], trusted: Sequence[Network]) -> Address | None:
    """None where a malformed hop comes first."""
    address = None
    for hop in reversed(hops):
        match = _HOP.fullmatch(hop)
        address = parse_address(hop if match is None else match["six"] or match["four"])
        if address is None or not _within(address, trusted):
            break
    return address


@lru_cache(maxsize=8192)
def parse_address(text: str) -> Address | None:
    """An address in its ordinary form: no zone, no octal, no short form. IPv4 written as IPv6 is IPv4."""
    if "%" in text:
        return None
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def in_ranges(address: str, ranges: tuple[str, ...]) -> bool:
    """Whether the address lies in one of the CIDRs. What is no address lies in none."""
    parsed = parse_address(address)
    return parsed is not None and _within(parsed, _networks(ranges))


def _within(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)


@lru_cache(maxsize=4096)
def _networks(ranges: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(cidr) for cidr in ranges)


@dataclass(frozen=True, slots=True)
class RangeBounds:
    """How many source ranges a client may have, and how short their prefixes may be.

    `named` are networks that the facility has given names: they may be as wide as it likes, and each counts as one.
    """

    most: int
    prefixes: Mapping[int, int] = field(default_factory=lambda: MIN_PREFIX)
    named: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def count(self, ranges: Iterable[str]) -> int:
        return len({self._name(cidr) or cidr for cidr in ranges})

    def check(self, label: str, ranges: tuple[str, ...]) -> None:
        """`InvalidInput` where normal ranges are too many or too wide."""
        if not ranges:
            raise InvalidInput(
                "A client needs at least one source range: give the addresses that it calls from, as CIDRs."
            )
        for cidr in ranges:
            network = ip_network(cidr)
            shortest = self.prefixes[network.version]
            if network.prefixlen < shortest and self._name(cidr) is None:
                raise InvalidInput(
                    f"The source range {network} is too wide: "
                    f"an IPv{network.version} range has a prefix of /{shortest} or longer."
                )
        if self.count(ranges) > self.most:
            raise InvalidInput(
                f"A {label} client may have {self.most} source ranges, not {self.count(ranges)}: give fewer."
            )

    def _name(self, cidr: str) -> str | None:
        return next((name for name, networks in self.named.items() if is_within(cidr, networks)), None)


def validate_ranges(level: SecurityLevel, ranges: Iterable[str], bounds: RangeBounds | None = None) -> tuple[str, ...]:
    """The ranges in normal form, each once. `InvalidInput` where the level, or other bounds, do not allow them."""
    normal = tuple(dict.fromkeys(str(_normal_range(text.strip())) for text in ranges))
    (bounds or RangeBounds(LEVELS[level].max_ranges)).check(level.label, normal)
    return normal


def is_within(cidr: str, networks: Sequence[str]) -> bool:
    """Whether a normal range lies wholly in one of the others."""
    inner = ip_network(cidr)
    return any(
        inner.version == outer.version
        and outer.network_address <= inner.network_address  # type: ignore[operator]
        and inner.broadcast_address <= outer.broadcast_address  # type: ignore[operator]
        for outer in _networks(tuple(networks))
    )


def _normal_range(text: str) -> Network:
    try:
        if not _RANGE.fullmatch(text):
            raise ValueError(text)
        return _unmapped(ip_network(text, strict=False))
    except ValueError:
        raise InvalidInput(
            f"{text!r} is no source range: write an address or a CIDR such as 192.0.2.0/24 or 2001:db8::/64."
        ) from None


def _unmapped(network: Network) -> Network:
    mapped = network.network_address.ipv4_mapped if isinstance(network, IPv6Network) else None
    if mapped is None or network.prefixlen < 96:
        return network
    return IPv4Network((mapped, network.prefixlen - 96))
