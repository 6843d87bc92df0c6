"""Paths as the kernel takes them, and what every transport's writing shares; problems are `OSError`s."""

import errno
import os
import posixpath
import stat
from collections.abc import AsyncIterable, AsyncIterator

from superfacility.facility.words import worded

PATH_LIMIT = 4096
_NAME_BYTES = 255


def encoded(path: str) -> bytes:
    """As bytes; raises for what cannot be a path."""
    if not path.startswith("/") or "\0" in path:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    try:
        name = os.fsencode(path)
    except UnicodeEncodeError:
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL)) from None
    if len(name) > PATH_LIMIT:
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
    return name


def split(path: str) -> tuple[str, str]:
    """Its folder, and the name in it that can be made, replaced or removed."""
    encoded(path)
    folder, name = posixpath.split(path)
    if name in ("", ".", ".."):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    return folder, name


def require_regular(mode: int) -> None:
    """Folders, devices, FIFOs and sockets are never opened as files."""
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "Not a regular file")


def part_name(name: str, mark: str) -> str:
    """The hidden neighbour that becomes `name` once it is whole; `mark` keeps writers apart."""
    ending = f".{mark}.sfapi-part"
    stem = os.fsdecode(os.fsencode(name)[: _NAME_BYTES - 1 - len(ending)])
    return f".{stem}{ending}"


async def batches(
    chunks: AsyncIterable[bytes], path: str, limit: int | None, size: int
) -> AsyncIterator[tuple[list[bytes], int]]:
    """Pieces gathered to at least `size` bytes, with their bytes counted; the last may be less, or nothing."""
    batch: list[bytes] = []
    gathered = total = 0
    async for chunk in chunks:
        batch.append(chunk)
        gathered += len(chunk)
        total += len(chunk)
        if limit is not None and total > limit:
            with worded("cp: error writing", path):
                raise OSError(errno.EFBIG, f"File too large (the limit is {limit} bytes)")
        if gathered >= size:
            yield batch, gathered
            batch, gathered = [], 0
    yield batch, gathered
