"""The one sealer: entries join the chain within a moment of their commit."""

import asyncio
from datetime import datetime

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit.chain import AuditChain, ChainBroken, Seal, Witness, check_anchor

_AT_ONCE = 1000
_PAUSE = 1.0
_TELL_EVERY = 60.0
_log = structlog.get_logger(__name__)


class Sealer:
    """Extends the chain. The head goes to the log once a minute: whoever collects logs elsewhere can compare it."""

    def __init__(self, chain: AuditChain, key: bytes, witness: Witness, clock: Clock) -> None:
        self._chain = chain
        self._key = key
        self._witness = witness
        self._clock = clock
        self._told_at: float | None = None
        self._told: Seal | None = None
        self._unprovable = False
        self.head: Seal | None = None
        self.broken = False
        self.foreign = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; what is committed until then is sealed."""
        while not stop.is_set():
            await self.seal()
            try:
                await asyncio.wait_for(stop.wait(), _PAUSE)
            except TimeoutError:
                continue
        await self.seal()

    async def seal(self) -> Seal:
        """Seal all that waits; returns the head."""
        self.broken = self._unprovable or not await remembers(self._chain, self._key, self._witness.recall())
        while True:
            found = await self._chain.extend(self._key, _AT_ONCE)
            head = found.head
            if found.foreign:
                self.foreign += found.foreign
                _log.error("the audit log has rows that are not ours: run `sfapi audit verify`", rows=found.foreign)
            if found.sealed < _AT_ONCE:
                break
        if self.broken:  # the witness keeps what it has seen
            _log.error("the audit log was cut: run `sfapi audit verify`", head=str(head))
        elif head != self.head:
            self._witness.remember(head)
        self.head = head
        self._tell(head)
        return head

    async def purge(self, before: datetime) -> int:
        """Drop entries whose time of keeping is over; returns how many. None of a log that is not whole."""
        total = 0
        try:
            while dropped := await self._chain.purge(self._key, before, _AT_ONCE):
                total += dropped
        except ChainBroken as problem:
            self._unprovable = True
            _log.error("nothing of the audit log is purged: run `sfapi audit verify`", problem=str(problem))
        return total

    def _tell(self, head: Seal) -> None:
        now = self._clock.monotonic()
        if head != self._told and (self._told_at is None or now - self._told_at >= _TELL_EVERY):
            self._told_at, self._told = now, head
            _log.info("audit sealed", head=str(head))


async def remembers(chain: AuditChain, key: bytes, seal: Seal | None) -> bool:
    """Whether the chain begins where we have let it, and still holds that seal or was rightly purged beyond it."""
    anchor, proof = await chain.anchor()
    if not check_anchor(key, anchor, proof):
        return False
    if seal is None or seal.position == 0:
        return True
    if seal.position <= anchor.position:
        return seal.position < anchor.position or seal == anchor
    return await chain.seal_at(seal.position) == seal
