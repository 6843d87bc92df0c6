"""Which addresses of the network are other people's: callbacks may reach those, and ours only where the site says so.

The lists are those of IANA's special-purpose registries, spelled out: what Python calls global differs by its version.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_CLOSED_4 = {
    IPv4Network("0.0.0.0/8"): "this network",
    IPv4Network("10.0.0.0/8"): "private",
    IPv4Network("100.64.0.0/10"): "shared by a carrier's customers",
    IPv4Network("127.0.0.0/8"): "loopback",
    IPv4Network("169.254.0.0/16"): "link-local",
    IPv4Network("172.16.0.0/12"): "private",
    IPv4Network("192.0.0.0/24"): "for protocols",
    IPv4Network("192.0.2.0/24"): "for documentation",
    IPv4Network("192.88.99.0/24"): "a relay for 6to4",
    IPv4Network("192.168.0.0/16"): "private",
    IPv4Network("198.18.0.0/15"): "for benchmarks",
    IPv4Network("198.51.100.0/24"): "for documentation",
    IPv4Network("203.0.113.0/24"): "for documentation",
    IPv4Network("224.0.0.0/4"): "multicast",
    IPv4Network("240.0.0.0/4"): "reserved",
}
_OPEN_6 = IPv6Network("2000::/3")
_CLOSED_6 = {
    IPv6Network("2001::/23"): "for protocols",
    IPv6Network("2001:db8::/32"): "for documentation",
    IPv6Network("2002::/16"): "6to4",
    IPv6Network("3fff::/20"): "for documentation",
}
_NAT64 = IPv6Network("64:ff9b::/96")


def closed(address: Address) -> str | None:
    """Why callbacks may not reach this address; None if they may."""
    if isinstance(address, IPv6Address):
        return _closed_6(address)
    return next((why for network, why in _CLOSED_4.items() if address in network), None)


def _closed_6(address: IPv6Address) -> str | None:
    if address.ipv4_mapped is not None:
        return closed(address.ipv4_mapped)
    if address in _NAT64:  # a name's IPv4 address, as a network without IPv4 sees it
        return closed(IPv4Address(address.packed[-4:]))
    if address not in _OPEN_6:
        return "not of the public network"
    return next((why for network, why in _CLOSED_6.items() if address in network), None)


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks has it; IPv4 written as IPv6 is IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    plain = mapped or address
    return any(plain.version == network.version and plain in network for network in networks)


def literal(host: str) -> Address | None:
    """The address that a host is written as, in its one ordinary form."""
    try:
        return ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
