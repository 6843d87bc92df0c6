"""Moments and durations in Slurm's notations.

Moments are asked for with their offset from UTC, so that no daylight-saving hour is ambiguous, in a form that fits the
nineteen characters that sacct has for them.
"""

from datetime import datetime, timedelta
from functools import lru_cache

TIME_FORMAT = "%y%m%d%H%M%S%z"


@lru_cache(maxsize=65536)
def moment(text: str) -> tuple[str, datetime | None]:
    """The text as Slurm usually prints it (local, ISO 8601), and the aware moment; None for `N/A`, `Unknown`, …"""
    if len(text) != 17 or not text[:12].isdigit():
        return text, None
    usual = f"20{text[:2]}-{text[2:4]}-{text[4:6]}T{text[6:8]}:{text[8:10]}:{text[10:12]}"
    try:
        return usual, datetime.fromisoformat(usual + text[12:])
    except ValueError:
        return text, None


@lru_cache(maxsize=65536)
def duration(text: str) -> timedelta | None:
    """`[D-]HH:MM:SS`, `MM:SS` or `MM:SS.mmm`; None for `UNLIMITED`, `INVALID`, `Partition_Limit`, …"""
    days, _, clock = text.rpartition("-")
    parts = clock.split(":")
    if len(parts) not in (2, 3):
        return None
    try:
        seconds = float(parts[-1]) + 60 * int(parts[-2]) + (3600 * int(parts[0]) if len(parts) == 3 else 0)
        return timedelta(days=int(days or 0), seconds=seconds)
    except (ValueError, OverflowError):
        return None


def duration_text(length: timedelta) -> str:
    """As options of Slurm's programs take it; it counts whole seconds."""
    seconds = int(length.total_seconds())
    return f"{seconds // 86400}-{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
