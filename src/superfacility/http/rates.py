"""How often callers may ask: so many requests a second for each client, and for each address that proves nobody yet.

Each server process counts for itself. Public reads, the status above all, are never counted.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any

from superfacility.core.sources import source_of
from superfacility.facility.errors import TooMany

_REMEMBERED = 50_000
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Rate:
    """`per_second` requests for ever, `burst` at once after a rest; `per_second` 0 is without limit."""

    per_second: float = 0.0
    burst: int = 1


class Meter:
    """Counts by key. For each, one number: when its allowance will be whole again (the generic cell rate algorithm)."""

    def __init__(self, rate: Rate, clock: Callable[[], float] = monotonic) -> None:
        self._cost = 1 / rate.per_second if rate.per_second else 0.0
        self._tolerance = self._cost * max(rate.burst - 1, 0)
        self._clock = clock
        self._whole_at: dict[str, float] = {}

    def take(self, key: str) -> float:
        """0 if it may ask now, or in how many seconds it may; asking too early costs nothing more."""
        if not self._cost:
            return 0.0
        now = self._clock()
        whole_at = max(self._whole_at.get(key, now), now)
        early = whole_at - now - self._tolerance
        if early > _ROUNDING:
            return early
        if len(self._whole_at) >= _REMEMBERED and key not in self._whole_at:
            self._forget(now)
        self._whole_at[key] = whole_at + self._cost
        return 0.0

    def _forget(self, now: float) -> None:
        """Those whose allowance is whole; where nobody's is, the half that has used least of theirs."""
        kept = {key: at for key, at in self._whole_at.items() if at > now}
        if len(kept) >= _REMEMBERED:
            kept = dict(sorted(kept.items(), key=lambda item: item[1])[len(kept) // 2 :])
        self._whole_at = kept


class Rates:
    """The limits of one server process."""

    def __init__(
        self,
        client: Rate = Rate(),
        address: Rate = Rate(),
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._clients = Meter(client, clock)
        self._addresses = Meter(address, clock)
        self._client_rate = client
        self._address_rate = address

    def client(self, client_id: str) -> None:
        """One request of a client; `TooMany` if they come too fast."""
        if wait := self._clients.take(client_id):
            raise _too_fast(f"The client {client_id}", self._client_rate, wait)

    def stranger(self, address: str) -> None:
        """One request that proves nobody, or wants to: for a token, a login, or with a bad token."""
        if wait := self._addresses.take(source_of(address)):
            raise _too_fast(f"Callers from {address} who have not proven themselves", self._address_rate, wait)


UNLIMITED = Rates()


def rates_of(scope: Mapping[str, Any]) -> Rates:
    """Those of the application that a request came to."""
    found: Rates = getattr(scope["app"].state, "rates", UNLIMITED)
    return found


def _too_fast(who: str, rate: Rate, wait: float) -> TooMany:
    seconds = max(math.ceil(wait), 1)
    return TooMany(
        f"{who} may make {rate.per_second:g} requests a second here, {rate.burst} at once after a rest: "
        f"wait {seconds} s. Waiting for events (GET /events) needs no polling.",
        retry_after=seconds,
    )
