"""SFTP as system calls: the same names, and errors that carry the machine's own words.

SFTP 3 knows three reasons, and one of them (no such file) stands for loops of links and for files taken for folders
too. So the machine's own `stat` is asked what is wrong.
"""

import asyncio
import errno
import os
import posixpath
import stat
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import asyncssh
from asyncssh import SFTPAttrs

from superfacility.facility.errors import Doubtful, Unavailable
from superfacility.facility.files import FileStat, FileType
from superfacility.facility.writing import encoded

BLOCK = 128 * 1024
"""Bytes a request; OpenSSH breaks the connection above 255 KiB."""
_SECONDS = 60.0
_UNREADABLE = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_MOMENT = 253_402_300_799
Explain = Callable[[str, bool], Awaitable[str | None]]
"""Path, and whether links are followed -> what the machine says is wrong with it; None: nothing."""
Result = TypeVar("Result")


def mode_of(attributes: SFTPAttrs) -> int:
    return attributes.permissions or 0


def moment(seconds: float) -> datetime:
    """`touch` takes times beyond the calendar, and some filesystems keep them."""
    try:
        return datetime.fromtimestamp(min(seconds, _LAST_MOMENT), UTC)
    except (ValueError, OverflowError, OSError):
        return _UNREADABLE


class Session:
    """The file channel of one connection. Paths are absolute `str`; every method raises `OSError` or `Unavailable`."""

    def __init__(self, sftp: asyncssh.SFTPClient, explain: Explain, give_up: Callable[[], None]) -> None:
        self._sftp = sftp
        self._explain = explain
        self._give_up = give_up

    async def call(self, answer: Awaitable[Result], path: str, *, follow: bool = True, exact: bool = True) -> Result:
        """Wait for an answer of the server; one that gives none is left. `exact`: tell what kind of missing it is."""
        try:
            async with asyncio.timeout(_SECONDS):
                return await answer
        except TimeoutError:
            self._give_up()
            raise Unavailable("The system does not answer about your files; it may answer later.") from None
        except asyncssh.SFTPNoSuchFile:
            missing = os.strerror(errno.ENOENT)
            words = await self._explain(path, follow) if exact else missing
            if words not in (None, missing):
                raise OSError(words) from None
            raise FileNotFoundError(errno.ENOENT, missing) from None
        except asyncssh.SFTPPermissionDenied:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
        except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection, asyncssh.DisconnectError) as lost:
            self._give_up()
            raise Unavailable(f"The connection to the system was lost ({lost}).") from None
        except asyncssh.SFTPError as problem:
            words = await self._explain(path, follow) or f"The server of files says: {problem.reason}"
            raise OSError(words) from None

    async def status(self, path: str) -> FileStat:
        """Symbolic links followed."""
        name = encoded(path)
        attributes = await self.call(self._sftp.stat(name), path)
        return self.file_stat(await self.real_path(path), attributes)

    def file_stat(self, path: str, attributes: SFTPAttrs) -> FileStat:
        mode = mode_of(attributes)
        kind = FileType(stat.filemode(mode)[0])
        return FileStat(path, kind, stat.S_IMODE(mode), attributes.size or 0, moment(attributes.mtime or 0))

    async def real_path(self, path: str) -> str:
        return os.fsdecode(await self.call(self._sftp.realpath(encoded(path)), path))

    async def real_folder(self, path: str) -> str:
        """`NotADirectoryError` for anything else."""
        real = await self.real_path(path)
        if not stat.S_ISDIR(mode_of(await self.call(self._sftp.stat(encoded(real)), real))):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return real

    async def mode(self, path: str, *, follow: bool) -> int | None:
        """With the type's bits; None where nothing is."""
        ask = self._sftp.stat if follow else self._sftp.lstat
        try:
            return mode_of(await self.call(ask(encoded(path)), path, follow=follow, exact=False))
        except FileNotFoundError:
            return None

    async def link_target(self, path: str) -> str:
        return os.fsdecode(await self.call(self._sftp.readlink(encoded(path)), path, follow=False))

    async def open(self, path: str, flags: int, permissions: int | None = None) -> asyncssh.SFTPClientFile:
        attributes = SFTPAttrs(permissions=permissions) if permissions is not None else SFTPAttrs()
        opening = self._sftp.open(encoded(path), flags, attributes, encoding=None, block_size=BLOCK)
        return await self.call(opening, path)

    async def rename(self, old: str, new: str) -> None:
        try:
            await self.call(self._sftp.posix_rename(encoded(old), encoded(new)), new)
        except Unavailable as lost:
            raise Doubtful(f"{lost} The file may be in its place already; look before you write it again.") from None

    async def make_folder(self, path: str) -> None:
        await self.call(self._sftp.mkdir(encoded(path), SFTPAttrs(permissions=0o755)), path)

    async def unlink(self, path: str) -> None:
        await self.call(self._sftp.remove(encoded(path)), path, follow=False)

    async def full(self, path: str) -> bool:
        """Whether the filesystem has no space left, as far as it says."""
        try:
            return (await self.call(self._sftp.statvfs(encoded(posixpath.dirname(path))), path)).bavail == 0
        except OSError:
            return False
