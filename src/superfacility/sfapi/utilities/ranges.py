"""A part of a file: one range of bytes (RFC 9110, section 14), so that a copy goes on where it broke off."""

import re
from dataclasses import dataclass

from starlette.datastructures import Headers

from superfacility.facility.files import FileStat

_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{1,18})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Part:
    """From `start` on; `last` is the last byte that is wanted, None for all."""

    start: int = 0
    last: int | None = None

    @property
    def length(self) -> int | None:
        return None if self.last is None else self.last - self.start + 1

    def end(self, size: int) -> int:
        """One past the last byte that there is of it."""
        return size if self.last is None else min(size, self.last + 1)


WHOLE = Part()


def wanted_part(headers: Headers) -> Part:
    """What is asked for. Several ranges at once, and forms that we do not know, mean the whole, as the RFC wants it."""
    found = _RANGE.fullmatch(headers.get("range", ""))
    if found is None:
        return WHOLE
    start, last = int(found.group(1)), int(found.group(2)) if found.group(2) else None
    return WHOLE if last is not None and last < start else Part(start, last)


def tag_of(stat: FileStat) -> str:
    """Changes when the file does, as far as its time and size tell."""
    return f'"{stat.size:x}-{int(stat.modified_at.timestamp() * 1_000_000):x}"'


def still_the_same(headers: Headers, stat: FileStat) -> bool:
    """Whether a part may be sent: the caller has the rest of this very file (`If-Range`)."""
    return headers.get("if-range", tag_of(stat)) == tag_of(stat)
