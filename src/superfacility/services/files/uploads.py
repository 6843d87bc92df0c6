"""What is kept of uploads: a row of audit before the first byte and one of what came of it, and what one user may have.

A file is not in our database, so no transaction holds it and its row together: between the two rows of an upload
whose process died nobody knows more than the file itself tells.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.allowances import Allowance, Allowances
from superfacility.facility.errors import FacilityError, TooMany
from superfacility.oauth.principal import Principal
from superfacility.services.places import Places

BEGUN, UPLOADED = "utilities.begin_upload", "utilities.upload"
_REASON = 200
_ADVICE = "wait until one is done"

Write = Callable[[AsyncIterable[bytes]], Awaitable[int]]
"""Writes the file; returns its bytes."""


@dataclass(frozen=True, slots=True)
class UploadRules:
    """`at_once` uploads of one user in one process, and `daily_bytes` of one user (UTC days, 0 for any number)."""

    at_once: int = 32
    daily_bytes: int = 0


class Uploads:
    """Counts and records uploads."""

    def __init__(self, allowances: Allowances, clock: Clock, rules: UploadRules) -> None:
        self._allowances = allowances
        self._clock = clock
        self._rules = rules
        self._places = Places("uploads", per_user=rules.at_once, advice=_ADVICE)

    async def carry(
        self, principal: Principal, target: str, chunks: AsyncIterable[bytes], announced: int | None, write: Write
    ) -> int:
        """`write` with these bytes. A write that is refused before it asks for bytes changes nothing and leaves no
        row."""
        user = principal.user.name
        self._places.check(user)
        with self._places.taken(user):
            upload = _Upload(principal, target, max(announced or 0, 1))
            try:
                size = await write(self._recorded(upload, chunks))
            except BaseException as problem:
                await asyncio.shield(self._end(upload, f"failed: {_words(problem)}"))
                raise
            await asyncio.shield(self._end(upload, f"{size} bytes"))
            return size

    async def _recorded(self, upload: "_Upload", chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        await self._begin(upload)
        async for chunk in chunks:
            upload.received += len(chunk)
            yield chunk

    async def _begin(self, upload: "_Upload") -> None:
        """What is known of its size is taken from the allowance beforehand, so that several at once share it."""
        now = self._clock.now()
        row = upload.principal.audit(now, BEGUN, upload.target)
        if await self._allowances.take(self._allowance(upload), upload.taken, now.date(), row) is not None:
            midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
            raise TooMany(
                f"You may upload {self._rules.daily_bytes:,} bytes a day (UTC) here, and with this file it would be "
                "more: go on tomorrow, use a transfer (/storage), or ask staff for more (limits.upload_bytes_per_day).",
                retry_after=int((midnight - now).total_seconds()) + 1,
            )
        upload.begun = True

    async def _end(self, upload: "_Upload", detail: str) -> None:
        if not upload.begun:
            return
        now = self._clock.now()
        row = upload.principal.audit(now, UPLOADED, upload.target, detail)
        await self._allowances.correct(self._allowance(upload), upload.received - upload.taken, now.date(), row)

    def _allowance(self, upload: "_Upload") -> list[Allowance]:
        if not self._rules.daily_bytes:
            return []
        return [Allowance("uploaded bytes", upload.principal.user.name, self._rules.daily_bytes)]


@dataclass(slots=True)
class _Upload:
    principal: Principal
    target: str
    taken: int
    received: int = 0
    begun: bool = field(default=False)


def _words(problem: BaseException) -> str:
    return str(problem).strip()[:_REASON] if isinstance(problem, FacilityError) else "broken off"
