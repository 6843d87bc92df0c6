"""Opening a file for reading, and its bytes in pieces."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from superfacility.adapters.local.confinement import Roots
from superfacility.adapters.local.listing import file_stat
from superfacility.adapters.local.threads import in_thread
from superfacility.facility.files import FileStat
from superfacility.facility.transport import OpenFile
from superfacility.facility.words import worded
from superfacility.facility.writing import require_regular

PIECE = 2 * 1024 * 1024


class _Reader:
    """A descriptor that is opened in a thread and closed whatever happens."""

    def __init__(self, roots: Roots, path: str) -> None:
        self._roots = roots
        self._path = path
        self._fd: int | None = None

    def open(self) -> FileStat:
        with worded("cat:", self._path), self._roots.pinned(self._path) as pin:
            require_regular(pin.status.st_mode)
            self._fd = os.open(pin.again, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
            return file_stat(pin.path, os.fstat(self._fd))

    def piece(self, offset: int, length: int) -> bytes:
        assert self._fd is not None
        with worded("cat:", self._path):
            return os.pread(self._fd, length, offset)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


async def _pieces(reader: _Reader, offset: int, end: int) -> AsyncIterator[bytes]:
    while offset < end:
        piece = await in_thread(reader.piece, offset, min(PIECE, end - offset))
        if not piece:
            return
        offset += len(piece)
        yield piece


@asynccontextmanager
async def open_file(roots: Roots, path: str, offset: int, length: int | None) -> AsyncIterator[OpenFile]:
    """What is appended after the opening is not read: a growing file ends."""
    reader = _Reader(roots, path)
    try:
        status = await in_thread(reader.open)
        end = status.size if length is None else min(status.size, offset + length)
        yield OpenFile(status, _pieces(reader, offset, end))
    finally:
        reader.close()
