"""What a facility allows: what people may make by themselves, and what its staff may give them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.addresses import MIN_PREFIX, RangeBounds
from superfacility.oauth.scopes import LEVELS, SecurityLevel

CLIENTS_PER_USER = 50
REVIEWED_DAYS = {
    SecurityLevel.GREEN: 366,
    SecurityLevel.YELLOW: 366,
    SecurityLevel.ORANGE: 180,
    SecurityLevel.RED: 30,
}
REVIEWED_PREFIXES = {4: 16, 6: 48}
REVIEWED_RANGES = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """Of one level: how long a client lives at most, and from where it may call."""

    lifetime: timedelta
    ranges: RangeBounds

    def expiry(self, level: SecurityLevel, lifetime: timedelta | None, now: datetime) -> datetime:
        """Without a wish the longest."""
        wanted = self.lifetime if lifetime is None else lifetime
        if not timedelta() < wanted <= self.lifetime:
            longest = days(self.lifetime)
            raise InvalidInput(
                f"A {level.label} client lives up to {longest} days, not {days(wanted)}: "
                f"ask for more than 0 and at most {longest}."
            )
        return now + wanted


def days(lifetime: timedelta) -> str:
    return f"{lifetime / timedelta(days=1):g}"


def own_bounds(
    lifetimes: Mapping[SecurityLevel, timedelta] | None = None, named: Mapping[str, tuple[str, ...]] | None = None
) -> dict[SecurityLevel, Bounds]:
    """What people may make by themselves: the table of levels, with a site's own lifetimes and named networks."""
    return {
        level: Bounds(
            (lifetimes or {}).get(level, rule.lifetime), RangeBounds(rule.max_ranges, MIN_PREFIX, named or {})
        )
        for level, rule in LEVELS.items()
    }


def reviewed_bounds(
    lifetimes: Mapping[SecurityLevel, timedelta] | None = None,
    prefixes: Mapping[int, int] | None = None,
    most: int = REVIEWED_RANGES,
    named: Mapping[str, tuple[str, ...]] | None = None,
) -> dict[SecurityLevel, Bounds]:
    """What staff may give."""
    longest = lifetimes or {level: timedelta(days=number) for level, number in REVIEWED_DAYS.items()}
    ranges = RangeBounds(most, prefixes or REVIEWED_PREFIXES, named or {})
    return {level: Bounds(longest[level], ranges) for level in LEVELS}


@dataclass(frozen=True, slots=True)
class ClientRules:
    """`networks` are the facility's own by name. `own_requests`: staff may decide what they have asked for themselves,
    for a facility with one person of staff."""

    own: Mapping[SecurityLevel, Bounds] = field(default_factory=own_bounds)
    reviewed: Mapping[SecurityLevel, Bounds] = field(default_factory=reviewed_bounds)
    networks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    per_user: int = CLIENTS_PER_USER
    own_requests: bool = False
