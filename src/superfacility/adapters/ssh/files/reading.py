"""Opening a file for reading, and its bytes in pieces, the next one asked for while the last is on its way out."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh
from asyncssh import FXF_READ

from superfacility.adapters.ssh.files.session import Session, mode_of
from superfacility.facility.transport import OpenFile
from superfacility.facility.words import worded
from superfacility.facility.writing import require_regular

_PIECE = 2 * 1024 * 1024
_AHEAD = 2


async def _pieces(
    session: Session, file: asyncssh.SFTPClientFile, path: str, offset: int, end: int
) -> AsyncIterator[bytes]:
    waiting: list[asyncio.Task[bytes]] = []
    try:
        while offset < end or waiting:
            while offset < end and len(waiting) < _AHEAD:
                size = min(_PIECE, end - offset)
                waiting.append(asyncio.create_task(session.call(file.read(size, offset), path)))
                offset += size
            with worded("cat:", path):
                piece = await waiting.pop(0)
            if not piece:
                return
            yield piece
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


@asynccontextmanager
async def open_file(session: Session, path: str, offset: int, length: int | None) -> AsyncIterator[OpenFile]:
    """What is appended after the opening is not read: a growing file ends."""
    with worded("cat:", path):
        mode = await session.mode(path, follow=True)
        require_regular(stat.S_IFREG if mode is None else mode)  # what is missing is told of by the opening
        file = await session.open(path, FXF_READ)
    try:
        with worded("cat:", path):
            attributes = await session.call(file.stat(), path)
            require_regular(mode_of(attributes))
            status = session.file_stat(await session.real_path(path), attributes)
        end = status.size if length is None else min(status.size, offset + length)
        pieces = _pieces(session, file, path, offset, end)
        try:
            yield OpenFile(status, pieces)
        finally:
            await pieces.aclose()  # type: ignore[attr-defined]
    finally:
        with suppress(asyncssh.SFTPError, OSError):
            await file.close()
