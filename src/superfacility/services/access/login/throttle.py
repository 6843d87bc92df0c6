"""Limits on guessing that no stranger can turn against the person whose account it is.

What counts is the address, and the account: but a browser that its owner has logged in with before has a count of its
own, so that strangers who guess keep only strangers waiting.
"""

import json
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

from superfacility.core.clock import Clock
from superfacility.facility.people import UserName
from superfacility.oauth.identity.attempts import AttemptLog, Counted, Pace
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login.errors import TooManyAttempts

ADDRESS = Pace(free=30, first=2.0, longest=3600.0)
ACCOUNT = Pace(free=10, first=2.0, longest=300.0)
DEVICE = Pace(free=5, first=2.0, longest=900.0)
CODE = Pace(free=5, first=5.0, longest=900.0)
_CONTEXT = "device"


@dataclass(frozen=True, slots=True)
class Try:
    """One that has been counted as a failure, until it turns out not to be."""

    own: str
    shared: str


class Throttle:
    """Counts before anything is looked at: who must wait learns nothing."""

    def __init__(self, log: AttemptLog, sealer: Sealer, clock: Clock) -> None:
        self._log = log
        self._sealer = sealer
        self._clock = clock

    async def password(self, name: str, address: str, device: str | None) -> Try:
        known = self._device(name, device)
        own = (
            self._counted("account", name.lower(), ACCOUNT) if known is None else self._counted("device", known, DEVICE)
        )
        return await self._count(own, self._counted("address", _network(address), ADDRESS))

    async def code(self, user: UserName, address: str) -> Try:
        """A second factor: only who knows the password comes this far."""
        own = self._counted("code", user, CODE)
        return await self._count(own, self._counted("address", _network(address), ADDRESS))

    async def address(self, address: str) -> Try:
        """Where there is no account to name."""
        counted = self._counted("address", _network(address), ADDRESS)
        return await self._count(counted, counted)

    async def succeeded(self, attempt: Try) -> None:
        cleared = [] if attempt.own == attempt.shared else [attempt.own]
        await self._log.succeeded(cleared=cleared, eased=[attempt.shared])

    def new_device(self, user: UserName) -> str:
        """For the cookie of a browser that somebody has logged in with."""
        return self._sealer.seal(json.dumps([user, secrets.token_urlsafe(12)]), _CONTEXT)

    def knows(self, user: UserName, device: str | None) -> bool:
        return self._device(user, device) is not None

    def _device(self, name: str, device: str | None) -> str | None:
        opened = None if device is None else self._sealer.open(device, _CONTEXT)
        user, number = (None, None) if opened is None else json.loads(opened)
        return number if user == name else None

    async def _count(self, own: Counted, shared: Counted) -> Try:
        counted: Sequence[Counted] = [own] if own == shared else [own, shared]
        if wait := await self._log.attempt(counted, self._clock.now()):
            raise TooManyAttempts(math.ceil(wait.total_seconds()))
        return Try(own.key, shared.key)

    def _counted(self, kind: str, value: str, pace: Pace) -> Counted:
        return Counted(f"{kind}:{self._sealer.mark(value, kind)}", pace)


def _network(address: str) -> str:
    """One household has a whole IPv6 network to call from."""
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, 64), strict=False))
    return str(found)
