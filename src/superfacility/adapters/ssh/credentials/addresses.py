"""Where certificates are good from, if the settings do not say: this machine's own address on the way to the first one.

Behind address translation that is another one than the login node sees; an operator is told before people are refused.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from superfacility.adapters.ssh.options import Options

Address = IPv4Address | IPv6Address


@dataclass(frozen=True, slots=True)
class Route:
    """An address of a machine, and the one of ours that connections to it begin at."""

    own: Address
    target: Address

    @property
    def translated(self) -> bool:
        """Hardly anybody on the public net is seen with a private address."""
        return self.target.is_global and not self.own.is_global


async def routes(host: str, port: int) -> list[Route]:
    """Nothing is sent. `OSError` if the name is not known or no way leads there."""
    found: list[Route] = []
    problem = OSError("no address")
    for family, kind, _, _, target in await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        try:
            with socket.socket(family, kind) as way:
                way.connect(target)
                found.append(Route(_address(way.getsockname()), _address(target)))
        except OSError as failure:  # a machine without IPv6 has no way to half of the addresses
            problem = failure
    if not found:
        raise problem
    return found


def _address(socket_name: Sequence[object]) -> Address:
    """An IPv4 address in IPv6's clothes is seen as itself."""
    found = ip_address(str(socket_name[0]).partition("%")[0])
    return getattr(found, "ipv4_mapped", None) or found


async def own_addresses(host: str, port: int) -> tuple[str, ...]:
    """Those that connections to a machine begin at. `OSError` as `routes`."""
    return tuple(dict.fromkeys(str(route.own) for route in await routes(host, port)))


async def advice(options: Options) -> list[str]:
    """What an operator should mend about addresses that are not set."""
    if options.source_address is not None or options.user_keys is not None:
        return []
    first = options.way[0]
    try:
        found = await routes(first.host, first.port)
    except OSError:  # whoever asks the machine itself is told
        found = []
    return [*_behind_jump_hosts(options), *dict.fromkeys(_behind_translation(first.host, found))]


def _behind_jump_hosts(options: Options) -> Iterator[str]:
    if options.jump:
        yield (
            f"source_address is not set, and {options.host} sees a jump host and not this one: certificates for it are "
            "good from anywhere. Set source_address to the addresses of this host and of each jump host, as the next "
            "machine sees them; [] if anywhere is meant."
        )


def _behind_translation(host: str, found: Sequence[Route]) -> Iterator[str]:
    for route in found:
        if route.translated:
            yield (
                f"source_address is not set, so certificates are good from {route.own} alone, a private address that "
                f"{host} on the public net hardly sees. Set source_address to the address that it sees."
            )
