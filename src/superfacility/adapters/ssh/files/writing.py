"""Writing whole files, folders, and removing.

The user's own power bounds what can happen. The guard, however, must see the place where the bytes really land: the
target's folder is resolved to its real path, and asked for again after the part is open and before it is renamed; when
it has moved meanwhile the write is refused.
"""

import asyncio
import errno
import os
import posixpath
import secrets
import stat
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_WRITE, SFTPAttrs

from superfacility.adapters.ssh.files.session import Session
from superfacility.facility.errors import Unavailable
from superfacility.facility.files import WriteGuard, WriteTarget
from superfacility.facility.words import worded
from superfacility.facility.writing import batches, encoded, part_name, require_regular, split

_LINKS = 40
_WORDS = "cp: cannot create regular file"
_ON_THE_WAY = 4 * 1024 * 1024
_BATCH = 1024 * 1024


async def _find_target(session: Session, path: str) -> WriteTarget:
    """Where a write lands, every link followed by hand, so that a dangling one leads to what it names."""
    for _ in range(_LINKS):
        folder, name = split(path)
        folder = await session.real_folder(folder)
        path = posixpath.join(folder, name)
        mode = await session.mode(path, follow=False)
        if mode is None:
            return WriteTarget(path, None)
        if not stat.S_ISLNK(mode):
            require_regular(mode)
            return WriteTarget(path, stat.S_IMODE(mode))
        path = posixpath.join(folder, await session.link_target(path))
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))


async def _require_unmoved(session: Session, path: str) -> None:
    if await session.real_path(path) != path:
        raise OSError(errno.EBUSY, "A folder on the way was exchanged meanwhile")


class _Part:
    """A temporary file beside the target."""

    def __init__(self, session: Session, path: str, target: WriteTarget) -> None:
        self._session = session
        self._path = path
        self._target = target
        folder, name = posixpath.split(target.path)
        self._name = posixpath.join(folder, part_name(name, secrets.token_hex(4)))
        self._file: asyncssh.SFTPClientFile | None = None
        self._writes: list[asyncio.Task[None]] = []
        self._size = 0

    async def open(self) -> None:
        permissions = 0o644 if self._target.mode is None else 0o600
        with worded(_WORDS, self._path):
            self._file = await self._session.open(self._name, FXF_WRITE | FXF_CREAT | FXF_EXCL, permissions)
            await _require_unmoved(self._session, self._name)

    async def append(self, data: bytes) -> None:
        """Some pieces are on the way at once."""
        while len(self._writes) * _BATCH >= _ON_THE_WAY:
            await self._writes.pop(0)
        self._writes.append(asyncio.create_task(self._write(data, self._size)))
        self._size += len(data)

    async def _write(self, data: bytes, offset: int) -> None:
        assert self._file is not None
        with worded("cp: error writing", self._path):
            try:
                await self._session.call(self._file.write(data, offset), self._name)
            except OSError as error:
                if await self._session.full(self._target.path):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from None
                raise error from None

    async def finish(self) -> None:
        """Synced, then renamed."""
        assert self._file is not None
        while self._writes:
            await self._writes.pop(0)
        with worded(_WORDS, self._path):
            if self._target.mode is not None:
                attributes = SFTPAttrs(permissions=self._target.mode & 0o1777)
                await self._session.call(self._file.setstat(attributes), self._name)
            await self._session.call(self._file.fsync(), self._name)
            await self._session.call(self._file.close(), self._name)
            await _require_unmoved(self._session, self._name)
            await self._session.rename(self._name, self._target.path)
        self._file = None

    async def drop(self) -> None:
        for task in self._writes:
            task.cancel()
        await asyncio.gather(*self._writes, return_exceptions=True)
        if self._file is not None:
            with suppress(OSError, Unavailable, asyncssh.SFTPError):
                await self._file.close()
            with suppress(OSError, Unavailable):
                await self._session.unlink(self._name)


@asynccontextmanager
async def _part(session: Session, path: str, target: WriteTarget) -> AsyncIterator[_Part]:
    """What was not finished is taken away, also when the caller is cancelled."""
    part = _Part(session, path, target)
    try:
        await part.open()
        yield part
    finally:
        dropping = asyncio.ensure_future(part.drop())
        try:
            await asyncio.shield(dropping)
        except asyncio.CancelledError:
            await asyncio.wait({dropping})
            raise


async def write_file(
    session: Session, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, limit: int | None
) -> int:
    """Returns the size in bytes."""
    with worded(_WORDS, path):
        target = await _find_target(session, path)
    guard(target)
    total = 0
    async with _part(session, path, target) as part:
        async for pieces, size in batches(chunks, path, limit, _BATCH):
            if size:
                await part.append(b"".join(pieces))
                total += size
        await part.finish()
    return total


async def make_directories(session: Session, path: str, guard: WriteGuard) -> None:
    """From the deepest folder that exists, one level at a time."""
    with worded("mkdir: cannot create directory", path):
        encoded(path)
        existing, missing = path, []
        while await session.mode(existing, follow=True) is None:
            existing, name = split(existing.rstrip("/"))
            missing.append(name)
        folder = await session.real_folder(existing or "/")
        for name in reversed(missing):
            folder = posixpath.join(folder, name)
            guard(WriteTarget(folder, None))
            await _make_one(session, folder)


async def _make_one(session: Session, path: str) -> None:
    try:
        await session.make_folder(path)
    except OSError:  # it may be there by now; through a link it is another place than the guard saw
        mode = await session.mode(path, follow=False)
        if mode is None or not stat.S_ISDIR(mode):
            raise


async def remove_file(session: Session, path: str) -> None:
    """A file or link; one that is missing is no error."""
    with worded("rm: cannot remove", path), suppress(FileNotFoundError):
        folder, name = split(path)
        place = posixpath.join(await session.real_folder(folder), name)
        mode = await session.mode(place, follow=False)
        if mode is not None and stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        await session.unlink(place)
