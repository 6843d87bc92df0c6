"""The open connections to one system: several per user, capped, each user within limits of their own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import structlog

from superfacility.adapters.ssh.breaker import Breaker, Unreachable
from superfacility.adapters.ssh.connecting import Connector
from superfacility.adapters.ssh.connection import Connection
from superfacility.adapters.ssh.options import Options
from superfacility.core.clock import Clock
from superfacility.facility.errors import NotPermitted, Unavailable

_log = structlog.get_logger(__name__)
_REFUSED_FOR = 5.0
"""Seconds that a refusal to let a user in is remembered: sshd shuts out an address that fails again and again."""
_SWEEP = 1.0
_SIGN_INS = 8
"""Connections that sign in at once: sshd drops some above 10 (MaxStartups), which would look like a dead machine."""


@dataclass(slots=True)
class _Lane:
    """One user's share."""

    slots: asyncio.Semaphore
    connections: list[Connection] = field(default_factory=list)
    opening: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0
    refusal: tuple[float, str] = (0.0, "")


class Pool:
    """Hands out connections. New work never goes to one whose certificate is about to end; what runs there finishes."""

    def __init__(self, system: str, options: Options, connector: Connector, clock: Clock) -> None:
        self._system = system
        self._options = options
        self._connector = connector
        self._clock = clock
        self._per_connection = options.channels_per_connection - 1
        self._lanes: dict[str, _Lane] = {}
        self._retired: list[Connection] = []
        self._opening = 0
        self._signing_in = asyncio.Semaphore(_SIGN_INS)
        self._sweeper: asyncio.Task[None] | None = None
        self.breaker = Breaker(system, clock)

    @asynccontextmanager
    async def connection(self, account: str) -> AsyncIterator[Connection]:
        """For one operation. Waits for a free place of this user's, for as long as a connection may take to open."""
        lane = self._lane(account)
        lane.users += 1
        try:
            if self._free(lane) is None:
                self.breaker.check()
            async with _place(lane, self._options.connect_timeout):
                connection = await self._choose(lane, account)
                try:
                    yield connection
                except Unreachable as reason:
                    self.breaker.failed(str(reason))
                    raise
                finally:
                    connection.busy -= 1
                    connection.idle_since = self._clock.monotonic()
        finally:
            lane.users -= 1

    def _lane(self, account: str) -> _Lane:
        if account not in self._lanes:
            slots = self._options.connections_per_user * self._per_connection
            self._lanes[account] = _Lane(asyncio.Semaphore(slots))
        if self._sweeper is None:
            self._sweeper = asyncio.create_task(self._sweep())
        return self._lanes[account]

    async def _choose(self, lane: _Lane, account: str) -> Connection:
        """One with a free channel; its place is taken before anything is awaited."""
        connection = self._free(lane)
        if connection is None:
            async with lane.opening:
                connection = self._free(lane) or await self._open(lane, account)
        connection.busy += 1
        return connection

    def _free(self, lane: _Lane) -> Connection | None:
        self._retire(lane)
        free = [each for each in lane.connections if each.busy < self._per_connection]
        return min(free, key=lambda each: each.busy, default=None)

    def _retire(self, lane: _Lane) -> None:
        """Old and dead connections take no new work."""
        stale = [each for each in lane.connections if not each.fresh]
        lane.connections = [each for each in lane.connections if each.fresh]
        self._retired += stale

    async def _open(self, lane: _Lane, account: str) -> Connection:
        until, words = lane.refusal
        if self._clock.monotonic() < until:
            raise NotPermitted(words)
        self.breaker.check()
        self._make_room()
        self._opening += 1
        try:
            connection = await self._attempt(account)
        except NotPermitted as refusal:
            _log.warning("not let in", system=self._system, account=account, reason=str(refusal))
            lane.refusal = (self._clock.monotonic() + _REFUSED_FOR, str(refusal))
            raise
        finally:
            self._opening -= 1
        lane.connections.append(connection)
        return connection

    async def _attempt(self, account: str) -> Connection:
        async with self._signing_in:
            with self.breaker.attempt():
                opened = await self._connector.open(account)
        return Connection(opened, account, self._options, self._clock)

    def _make_room(self) -> None:
        """Below the cap, by closing what has been idle longest."""
        everyone = [each for lane in self._lanes.values() for each in lane.connections]
        if len(everyone) + len(self._retired) + self._opening < self._options.connections:
            return
        idle = sorted((each for each in everyone if not each.busy), key=lambda each: each.idle_since)
        if not idle:
            raise Unavailable(
                f"All {self._options.connections} connections to {self._system} are at work; try again soon.",
                retry_after=2,
            )
        self._forget(idle[0])

    def _forget(self, connection: Connection) -> None:
        lane = self._lanes[connection.account]
        lane.connections = [each for each in lane.connections if each is not connection]
        connection.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP)
            self.sweep()

    def sweep(self) -> None:
        """Close what is old, dead or has been idle for long; forget users who have nothing open."""
        oldest = self._clock.monotonic() - self._options.idle_seconds
        for account, lane in list(self._lanes.items()):
            self._retire(lane)
            for each in lane.connections:
                if not each.busy and each.idle_since <= oldest:
                    self._forget(each)
            if not lane.connections and not lane.users and lane.refusal[0] <= self._clock.monotonic():
                del self._lanes[account]
        for each in self._retired:
            if not each.busy:
                each.close()
        self._retired = [each for each in self._retired if each.busy]

    @property
    def connections(self) -> list[Connection]:
        return [*self._retired, *(each for lane in self._lanes.values() for each in lane.connections)]

    async def aclose(self) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            with suppress(asyncio.CancelledError):
                await self._sweeper
        everyone = self.connections
        self._lanes, self._retired, self._sweeper = {}, [], None
        for each in everyone:
            each.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(5.0):
                await asyncio.gather(*(each.closed() for each in everyone))


@asynccontextmanager
async def _place(lane: _Lane, seconds: float) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            await lane.slots.acquire()
    except TimeoutError:
        raise Unavailable(
            "All channels of yours are at work; wait for some of your requests to end.", retry_after=2
        ) from None
    try:
        yield
    finally:
        lane.slots.release()
