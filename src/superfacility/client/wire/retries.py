"""How long to wait before the same request is sent again. Pure: nothing here waits."""

from collections.abc import Iterator

_FIRST = 0.25
_LONGEST = 8.0


def pauses(patience: float) -> Iterator[float]:
    """Growing, scattered, and together not longer than `patience` seconds."""
    from random import uniform

    longest, spent = _FIRST, 0.0
    while spent < patience:
        pause = min(uniform(longest / 2, longest), patience - spent)  # noqa: S311 - callers shall not come all at once
        yield pause
        spent, longest = spent + pause, min(2 * longest, _LONGEST)
