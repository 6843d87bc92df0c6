"""How long to wait before something is tried again."""

import secrets
from collections.abc import Callable
from datetime import timedelta

LONGEST_DELAY = 60.0
"""Seconds of back-off at most."""


def backoff(attempts: int) -> timedelta:
    """1, 2, 4 … seconds up to a minute, less a random part of up to a half, so that many do not return together."""
    return _delay(attempts, LONGEST_DELAY)


def backoff_up_to(longest: float) -> Callable[[int], timedelta]:
    """The same with another longest pause, in seconds."""
    return lambda attempts: _delay(attempts, longest)


def _delay(attempts: int, longest: float) -> timedelta:
    whole = min(2.0 ** min(attempts - 1, 16), longest)
    return timedelta(seconds=whole * (0.5 + secrets.randbelow(1000) / 2000))
