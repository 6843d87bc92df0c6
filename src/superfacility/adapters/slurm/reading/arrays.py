"""Job ids, and the one row that stands for the waiting elements of an array: `123_[1-5,9%2]`."""

import re
from collections.abc import Collection, Iterator

_JOB_ID = re.compile(r"[1-9][0-9]{0,18}(?:_[0-9]{1,9}|\+[0-9]{1,6})?")
_RANGE = r"[0-9]{1,9}(?:-[0-9]{1,9}(?::[1-9][0-9]{0,8})?)?"
_WAITING = re.compile(rf"([0-9]+)_\[({_RANGE}(?:,{_RANGE})*)(?:%[0-9]+)?\]")


def is_job_id(text: str) -> bool:
    """`123`, `123_7` of an array, `123+1` of a heterogeneous job."""
    return _JOB_ID.fullmatch(text) is not None


def waiting_elements(job_id: str, limit: int) -> list[str] | None:
    """The numbers of the elements that a row stands for; None if it is one job, or more than `limit` elements."""
    found = _WAITING.fullmatch(job_id)
    if found is None:
        return None
    numbers: list[str] = []
    for part in _ranges(found[2]):
        if len(numbers) + len(part) > limit:
            return None
        numbers.extend(map(str, part))
    return numbers


def stands_for_nothing_but(job_id: str, known: Collection[str]) -> bool:
    """Whether each element that a row stands for is among the known ones, which may be such rows themselves."""
    found = _WAITING.fullmatch(job_id)
    if found is None:
        return False
    rows = [other for each in known if (other := _WAITING.fullmatch(each)) and other[1] == found[1]]
    ranges = [part for row in rows for part in _ranges(row[2])]
    numbers = (number for part in _ranges(found[2]) for number in part)
    return all(f"{found[1]}_{number}" in known or any(number in part for part in ranges) for number in numbers)


def _ranges(text: str) -> Iterator[range]:
    for part in text.split(","):
        bounds, _, step = part.partition(":")
        first, _, last = bounds.partition("-")
        yield range(int(first), int(last or first) + 1, int(step or 1))
