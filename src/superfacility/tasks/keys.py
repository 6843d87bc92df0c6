"""Keys by which callers name their requests, and what is remembered of them so that nothing is done twice.

A key of a request that makes a task is kept with the task (`queue`); of any other its answer is kept.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from superfacility.facility.errors import KeyReused, TooMany

KEPT_FOR = timedelta(days=1)
"""How long an answer is there for whoever sends its request again."""
MOST_KEPT = 10_000
"""So many answers younger than that are kept for one caller: each can be as large as an answer gets."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A caller's own key for one request: scoped by client, method and path; `fingerprint` is a hash of the body."""

    client_id: str
    method: str
    path: str
    key: str
    fingerprint: str

    def check(self, fingerprint: str) -> None:
        """`KeyReused` unless that is the fingerprint of the request that the key came with first."""
        if fingerprint != self.fingerprint:
            raise KeyReused("This idempotency key was used with another request: send a new key.")


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """A request that was begun, and the text that it was answered with, once it was."""

    fingerprint: str
    begun_at: datetime
    text: str | None


class AnswerStore(Protocol):
    """Remembers requests by their keys: so many of one caller in `KEPT_FOR`, and no more."""

    async def begin(self, key: IdempotencyKey, at: datetime) -> KeptAnswer | None:
        """None: the key is new, and from now on the caller's of this call, alone among all processes. Else what there
        is under it already, whatever its fingerprint. `TooMany` for a new key where the caller has as many as there may
        be: those that come at the same moment may get through beyond that."""

    async def find(self, key: IdempotencyKey) -> KeptAnswer | None: ...

    async def keep(self, key: IdempotencyKey, text: str) -> None:
        """What was answered."""

    async def drop(self, key: IdempotencyKey) -> None:
        """Forget a request that has done nothing; one that was answered stays."""

    async def forget(self, before: datetime) -> int:
        """Those that were begun before, answered or not; returns how many."""


def too_many_keys(most: int) -> TooMany:
    return TooMany(
        f"You have used {most:,} idempotency keys within a day, and no more are kept: try again in an hour or later, "
        "and send a key only with what must not be done twice.",
        retry_after=3600,
    )
