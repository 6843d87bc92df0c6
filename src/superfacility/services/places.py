"""How many long requests of one kind one person, and all together, may have under way in one process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from superfacility.facility.errors import TooMany, Unavailable
from superfacility.facility.people import UserName

_COME_BACK = 15
"""Seconds after which a place may be free again."""


class Places:
    """Nobody waits for a place: who finds none is told what to do. `kind` is in the plural, `advice` is to the person
    who has too many."""

    def __init__(self, kind: str, *, per_user: int, in_all: int | None = None, advice: str) -> None:
        self._kind = kind
        self._per_user = per_user
        self._in_all = in_all
        self._advice = advice
        self._taken: Counter[UserName] = Counter()

    def check(self, user: UserName) -> None:
        """`TooMany` where the user has all places that one may have, `Unavailable` where everybody together has."""
        if self._taken[user] >= self._per_user:
            raise TooMany(
                f"You have {self._taken[user]} {self._kind} under way, and one user may have {self._per_user} here at "
                f"a time: {self._advice}.",
                retry_after=_COME_BACK,
            )
        if self._in_all is not None and self._taken.total() >= self._in_all:
            raise Unavailable(f"Too many {self._kind} are under way: try again in a moment.", retry_after=_COME_BACK)

    @contextmanager
    def taken(self, user: UserName) -> Iterator[None]:
        self._taken[user] += 1
        try:
            yield
        finally:
            self._taken[user] -= 1
            if not self._taken[user]:
                del self._taken[user]
