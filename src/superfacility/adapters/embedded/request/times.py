"""Slurm's spellings of durations and moments. Moments without a zone are the machine's local time."""

import re
import time

UNLIMITED_WORDS = frozenset({"infinite", "unlimited", "-1"})
_LARGEST = 365 * 24 * 3600 * 100
_UNITS = {"": 1, "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_OFFSET = re.compile(r"now(?:\+([0-9]{1,9})(second|minute|hour|day|week|)s?)?", re.ASCII)
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2}))?)?", re.ASCII
)  # fmt: skip


def parse_duration(text: str) -> int | None:
    """Seconds of `minutes`, `minutes:seconds`, `hours:minutes:seconds`, `days-hours[:minutes[:seconds]]`.

    None is "no limit" (zero, as in Slurm, or a word for it); ValueError for anything else. Seconds are kept, where
    Slurm rounds up to minutes.
    """
    if text.lower() in UNLIMITED_WORDS:
        return None
    days, dash, clock = text.rpartition("-")
    numbers = [_whole(part) for part in clock.split(":")]
    if len(numbers) > 3 or (not dash and days):
        raise ValueError(text)
    if dash:
        hours, minutes, seconds = (*numbers, 0, 0)[:3]
        total = _whole(days) * 86400 + hours * 3600 + minutes * 60 + seconds
    elif len(numbers) == 3:
        total = numbers[0] * 3600 + numbers[1] * 60 + numbers[2]
    else:
        minutes, seconds = (*numbers, 0)[:2]
        total = minutes * 60 + seconds
    if total > _LARGEST:
        raise ValueError(text)
    return total or None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 12:
        raise ValueError(text)
    return int(text)


def parse_moment(text: str, now: float) -> float:
    """Seconds since the epoch of `now`, `now+2hours`, `2026-01-31`, `2026-01-31T12:00[:00]`."""
    if offset := _OFFSET.fullmatch(text):
        return now + int(offset[1] or 0) * _UNITS[offset[2] or ""]
    moment = _MOMENT.fullmatch(text)
    if moment is None:
        raise ValueError(text)
    year, month, day, hour, minute, second = (int(part or 0) for part in moment.groups())
    if not (year >= 1970 and 1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        raise ValueError(text)
    return time.mktime((year, month, day, hour, minute, second, 0, 0, -1))


def clock_text(seconds: float) -> str:
    """`0:00`, `12:34`, `1:02:03`, `1-02:03:04`: as `squeue` writes a duration."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    if days:
        return f"{days}-{hour:02}:{minute:02}:{second:02}"
    return f"{hour}:{minute:02}:{second:02}" if hour else f"{minute}:{second:02}"


def long_clock_text(seconds: float) -> str:
    """`00:00:05`, `1-02:03:04`: as `sacct` writes a duration."""
    days, rest = divmod(int(seconds), 86400)
    clock = f"{rest // 3600:02}:{rest % 3600 // 60:02}:{rest % 60:02}"
    return f"{days}-{clock}" if days else clock


def moment_text(moment: float | None, missing: str = "N/A") -> str:
    """Local time as Slurm prints it."""
    if moment is None:
        return missing
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(moment))
