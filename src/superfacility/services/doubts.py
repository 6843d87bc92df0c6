"""Doubt about what is written beside a request, which leaves undone what was asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from superfacility.facility.errors import Doubtful, Unavailable


@contextmanager
def nothing_done(advice: str = "ask again in a moment") -> Iterator[None]:
    """`Unavailable` instead of `Doubtful`: whatever became of this write, the caller does no harm by asking again."""
    try:
        yield
    except Doubtful as doubt:
        raise Unavailable(f"The service's database was lost before this was done: {advice}.") from doubt
