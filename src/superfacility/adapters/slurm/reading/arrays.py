"""Job ids, and the one row that stands for the waiting elements of an array: `123_[1-5,9%2]`."""

import re
from collections.abc import Iterator

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


def _ranges(text: str) -> Iterator[range]:
    for part in text.split(","):
        bounds, _, step = part.partition(":")
        first, _, last = bounds.partition("-")
        yield range(int(first), int(last or first) + 1, int(step or 1))
