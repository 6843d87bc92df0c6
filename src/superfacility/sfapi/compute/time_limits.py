"""Time limits as people write them for a scheduler."""

import re
from datetime import timedelta

from superfacility.facility.errors import InvalidInput

_MINUTES = re.compile(r"[0-9]{1,7}", re.ASCII)
_CLOCK = re.compile(r"(?:([0-9]{1,4})-)?([0-9]{1,4}):([0-9]{1,2}):([0-9]{1,2})", re.ASCII)


def parse_time_limit(value: int | str) -> timedelta:
    """Minutes, or `[D-]HH:MM:SS`; anything else is `InvalidInput`."""
    text = str(value).strip()
    if _MINUTES.fullmatch(text):
        return timedelta(minutes=int(text))
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise InvalidInput(f"{text[:40]!r} is not a time limit; write minutes (30) or [D-]HH:MM:SS (1-12:00:00).")
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
