"""The value of `--array`: `0-9`, `1,3,5`, `0-100:10`, each with an optional `%limit`."""

from dataclasses import dataclass

_NUMBER_DIGITS = 9


@dataclass(frozen=True, slots=True)
class ArrayRange:
    """The task ids in ascending order without repetition; `limit` is how many may run at once (0: all)."""

    text: str
    tasks: tuple[int, ...]
    limit: int = 0


def parse_array(text: str, largest: int) -> ArrayRange:
    """ValueError when malformed or when a task id is above `largest`."""
    ranges, percent, limit = text.partition("%")
    tasks: set[int] = set()
    for part in ranges.split(","):
        tasks.update(_parse_range(part, largest))
    return ArrayRange(text, tuple(sorted(tasks)), _number(limit) if percent else 0)


def _parse_range(text: str, largest: int) -> range:
    bounds, colon, step_text = text.partition(":")
    first_text, dash, last_text = bounds.partition("-")
    first = _number(first_text)
    last = _number(last_text) if dash else first
    step = _number(step_text) if colon else 1
    if last < first or last > largest or step < 1 or (colon and not dash):
        raise ValueError(text)
    return range(first, last + 1, step)


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > _NUMBER_DIGITS:
        raise ValueError(text)
    return int(text)
