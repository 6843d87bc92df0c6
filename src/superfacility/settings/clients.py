"""Programs that people register by themselves, and what staff may give them beyond that."""

from ipaddress import IPv4Network, IPv6Network
from typing import Annotated, Self

from pydantic import AfterValidator, Field, model_validator

from superfacility.settings.values import Name, Table

Network = IPv4Network | IPv6Network
_WIDEST = {4: 8, 6: 24}
_TAKEN = ("mine",)


def _not_everything(network: Network) -> Network:
    if network.prefixlen < _WIDEST[network.version]:
        raise ValueError(f"{network} is too wide for anybody: /{_WIDEST[network.version]} or longer")
    return network


class ReviewedSettings(Table):
    """How far staff may go when they approve a request."""

    green: int = Field(366, ge=1, le=3660, description="Days that a green client lives at most.")
    yellow: int = Field(366, ge=1, le=3660, description="Days that a yellow client lives at most.")
    orange: int = Field(180, ge=1, le=3660, description="Days that an orange client lives at most.")
    red: int = Field(30, ge=1, le=366, description="Days that a red client lives at most.")
    ranges: int = Field(32, ge=1, le=256, description="Source ranges that a client has at most.")
    ipv4_prefix: int = Field(16, ge=8, le=32, description="Shortest prefix of an IPv4 range.")
    ipv6_prefix: int = Field(48, ge=24, le=128, description="Shortest prefix of an IPv6 range.")


class ClientSettings(Table):
    """Programs that people register by themselves."""

    per_user: int = Field(
        50, ge=1, le=10_000, description="Clients in force that one user has at most; ten times as many in a day."
    )
    networks: dict[Name, tuple[Annotated[Network, AfterValidator(_not_everything)], ...]] = Field(
        {},
        description="Your own networks by name, which people choose instead of a range; each counts as one.",
        examples=[{"login-nodes": ["192.0.2.0/28", "2001:db8::/64"]}],
    )
    reviewed: ReviewedSettings = Field(ReviewedSettings(), description="How far staff may go.")
    own_requests: bool = Field(
        False, description="Let staff decide requests of their own: for a facility with one person of staff."
    )

    warn_hours: tuple[Annotated[float, Field(gt=0, le=2400)], ...] = Field(
        (168, 24, 2),
        description="Hours before its end that people are told of a client by mail. One counts for clients that live "
        "at least twice as long; less than a day for those of up to seven days alone. Empty: nobody is told.",
    )

    @model_validator(mode="after")
    def _names_mean_one_thing(self) -> Self:
        for name in _TAKEN:
            if name in self.networks:
                raise ValueError(f"no network can be called {name}: that is the caller's own address")
        return self
