"""The trade of power against life and reach, as data: so every front end shows the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from superfacility.oauth.scopes import LEVELS, SCOPES, Scope, SecurityLevel, scopes_of
from superfacility.services.clients.rules import Bounds, ClientRules


@dataclass(frozen=True, slots=True)
class LevelOffer:
    """A level: what it may do, and how far it goes without (`own`) and with (`reviewed`) a look by staff."""

    level: SecurityLevel
    meaning: str
    own: Bounds
    reviewed: Bounds
    scopes: tuple[tuple[Scope, str], ...]


def offers(rules: ClientRules) -> Sequence[LevelOffer]:
    """From the least power to the most."""
    return [
        LevelOffer(
            level,
            rule.meaning,
            rules.own[level],
            rules.reviewed[level],
            tuple((scope, SCOPES[scope].meaning) for scope in sorted(scopes_of(level))),
        )
        for level, rule in LEVELS.items()
    ]
