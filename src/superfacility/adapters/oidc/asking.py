"""JSON from a provider, and what is remembered of it."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable
from superfacility.oauth.identity.providers import HttpAnswer, HttpExchange

Value = TypeVar("Value")
_NOT_NOW = "The identity provider does not answer as it should. Try again in a moment, then tell the facility's staff."


def unusable(why: str) -> Unavailable:
    """The page says little; the log says why."""
    problem = Unavailable(_NOT_NOW, retry_after=10)
    problem.add_note(why)
    return problem


async def ask_json(
    http: HttpExchange, method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes = b""
) -> tuple[int, dict[str, Any]]:
    """Status and object. `Unavailable` for what is no JSON object, or was not to be had."""
    try:
        answer = await http.ask(method, url, {"accept": "application/json", **(headers or {})}, body)
    except (InvalidInput, NotPermitted, Unavailable) as problem:
        raise unusable(f"{url}: {problem}") from problem
    return answer.status, _object(answer, url)


def _object(answer: HttpAnswer, url: str) -> dict[str, Any]:
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError) as problem:
        raise unusable(f"{url}: status {answer.status}, no JSON") from problem
    if not isinstance(found, dict):
        raise unusable(f"{url}: status {answer.status}, no object")
    return found


class Remembered(Generic[Value]):
    """What was fetched, for so many seconds. Many that ask at once wait for one fetch."""

    def __init__(self, fetch: Callable[[], Awaitable[Value]], clock: Clock, seconds: float) -> None:
        self._fetch = fetch
        self._clock = clock
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._value: Value | None = None
        self._at = 0.0

    async def get(self, *, younger_than: float | None = None) -> Value:
        limit = self._seconds if younger_than is None else younger_than
        if (value := self._young(limit)) is not None:
            return value
        async with self._lock:
            if (value := self._young(limit)) is None:
                value = self._value = await self._fetch()
                self._at = self._clock.monotonic()
            return value

    def _young(self, seconds: float) -> Value | None:
        return self._value if self._clock.monotonic() - self._at < seconds else None
