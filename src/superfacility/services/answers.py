"""Requests that change something at once, and are done once however often they are sent under the same key."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import Doubtful, FacilityError, UnderWay
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.doubts import nothing_done
from superfacility.tasks.keys import AnswerStore, IdempotencyKey, KeptAnswer

UNDER_WAY = timedelta(minutes=5)
"""A request without an answer that is older was lost with its process: none takes that long, not even while each of its
questions to the database waits for as long as one may."""
ANSWER_LOST = (
    "A request with this idempotency key was begun, and its answer was lost: look whether it was done, and if it was "
    "not, send it with a new key."
)
_WAIT_SECONDS = 5.0
_PAUSE, _LONGEST_PAUSE = 0.02, 0.5
_log = structlog.get_logger(__name__)


class AnswerService:
    """Answers are sealed at rest: some have a secret that is shown once."""

    def __init__(self, store: AnswerStore, sealer: Sealer, clock: Clock, *, wait: float = _WAIT_SECONDS) -> None:
        self._store = store
        self._sealer = sealer
        self._clock = clock
        self._wait = wait

    async def once(self, key: IdempotencyKey, do: Callable[[], Awaitable[str]]) -> str:
        """What `do` answers, or what it answered when this key first came.

        `KeyReused` for another request's key. `UnderWay` while the first one is, after a wait of some seconds.
        `Doubtful` where it was begun and nobody knows what became of it. What is refused has done nothing, and leaves
        its key free.
        """
        if (kept := await self._begun(key)) is not None:
            return self._told(key, kept)
        try:
            answer = await do()
        except FacilityError as problem:
            if not isinstance(problem, Doubtful):
                await self._drop(key)
            raise
        await self._keep(key, answer)
        return answer

    async def _begun(self, key: IdempotencyKey) -> KeptAnswer | None:
        """None: it is for us to do. Who finds it begun waits for its answer a while."""
        pause, left = _PAUSE, self._wait
        while True:
            with nothing_done("send it with a new key"):
                kept = await self._store.find(key) or await self._store.begin(key, self._clock.now())
            if kept is None:
                return None
            key.check(kept.fingerprint)
            if kept.text is not None or left <= 0 or not self._under_way(kept):
                return kept
            await asyncio.sleep(pause)
            pause, left = min(2 * pause, _LONGEST_PAUSE), left - pause

    def _under_way(self, kept: KeptAnswer) -> bool:
        return kept.text is None and self._clock.now() - kept.begun_at < UNDER_WAY

    def _told(self, key: IdempotencyKey, kept: KeptAnswer) -> str:
        if self._under_way(kept):
            raise UnderWay("The first request with this idempotency key is still being answered: send this again soon.")
        answer = None if kept.text is None else self._sealer.open(kept.text, _purpose(key))
        if answer is None:
            raise Doubtful(ANSWER_LOST)
        return answer

    async def _keep(self, key: IdempotencyKey, answer: str) -> None:
        """It is done: whoever asked hears of it, also where the answer cannot be kept."""
        try:
            await self._store.keep(key, self._sealer.seal(answer, _purpose(key)))
        except FacilityError as problem:
            _log.warning("an answer was not kept", method=key.method, path=key.path, problem=str(problem))

    async def _drop(self, key: IdempotencyKey) -> None:
        """The refusal is what the caller must hear of, whatever comes of its key."""
        with suppress(FacilityError):
            await self._store.drop(key)


def _purpose(key: IdempotencyKey) -> str:
    return "\0".join(("answer", key.client_id, key.method, key.path, key.key))
