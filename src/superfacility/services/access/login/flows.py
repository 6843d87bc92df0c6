"""Logins that are under way, kept by the browser in a sealed cookie: strangers cannot fill our database with them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson

from superfacility.core.clock import Clock
from superfacility.facility.people import UserName
from superfacility.oauth.identity.providers import Visit
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login.errors import BeginAgain

LIFETIME = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class HalfWay:
    """Somebody whose password was right. `proof` changes with the password; `next` is where the login leads."""

    user: UserName
    proof: str
    next: str


@dataclass(frozen=True, slots=True)
class Away:
    """Somebody who was sent to an identity provider."""

    provider: str
    next: str
    visit: Visit


Flow = TypeVar("Flow", HalfWay, Away)


class Flows:
    """Seals and opens them."""

    def __init__(self, sealer: Sealer, clock: Clock) -> None:
        self._sealer = sealer
        self._clock = clock

    def seal(self, flow: HalfWay | Away) -> str:
        until = (self._clock.now() + LIFETIME).timestamp()
        return self._sealer.seal(orjson.dumps({**asdict(flow), "until": until}).decode(), type(flow).__name__)

    def half_way(self, sealed: str | None) -> HalfWay:
        """`BeginAgain` for what is not one of ours, or too old."""
        found = self._open(sealed, HalfWay)
        return HalfWay(UserName(found["user"]), found["proof"], found["next"])

    def away(self, sealed: str | None) -> Away:
        found = self._open(sealed, Away)
        return Away(found["provider"], found["next"], Visit(**found["visit"]))

    def _open(self, sealed: str | None, kind: type[Flow]) -> Mapping[str, Any]:
        opened = None if sealed is None else self._sealer.open(sealed, kind.__name__)
        if opened is None:
            raise BeginAgain
        found: dict[str, Any] = orjson.loads(opened)
        if datetime.fromtimestamp(found["until"], UTC) <= self._clock.now():
            raise BeginAgain
        return found
