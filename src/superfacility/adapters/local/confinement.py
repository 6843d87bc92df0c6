"""Keeps every path inside the roots of a site, without a race.

A path is first opened by a descriptor that gives no access (O_PATH: no read, no side effect of a device, no blocking on
a FIFO). Then the kernel is asked what the descriptor really holds, and only this is judged; whatever happens to links
and names meanwhile, what is read or written afterwards is what was judged.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from superfacility.facility.writing import encoded


@dataclass(frozen=True, slots=True)
class Pinned:
    """An object held by a descriptor: its real path and what it is."""

    fd: int
    path: str
    status: os.stat_result

    @property
    def again(self) -> str:
        """A path that opens this very object once more, with access."""
        return f"/proc/self/fd/{self.fd}"


def _real_path(fd: int) -> str:
    return str(Path(f"/proc/self/fd/{fd}").readlink())


def _ancestors(path: str) -> Iterator[str]:
    while path not in ("/", ""):
        path = path.rstrip("/").rpartition("/")[0] or "/"
        yield path


class Roots:
    """The folders that hold people's files; nothing outside is told of, opened or written."""

    def __init__(self, roots: Sequence[str]) -> None:
        self._roots = tuple(os.path.realpath(root).rstrip("/") for root in roots)

    def holds(self, real_path: str) -> bool:
        return any(real_path == root or real_path.startswith(root + "/") for root in self._roots)

    def _leads_to_one(self, real_path: str) -> bool:
        return any(root.startswith(real_path.rstrip("/") + "/") for root in self._roots)

    @contextmanager
    def pinned(self, path: str, *, follow: bool = True, folder: bool = False) -> Iterator[Pinned]:
        """Hold what a path leads to. `follow=False` holds a final symbolic link itself. Raises `OSError`."""
        encoded(path)
        flags = os.O_PATH | os.O_CLOEXEC | (0 if follow else os.O_NOFOLLOW) | (os.O_DIRECTORY if folder else 0)
        try:
            fd = os.open(path, flags)
        except OSError as error:
            raise self._discreet(path, error) from None
        try:
            yield self._judged(fd)
        finally:
            os.close(fd)

    def _judged(self, fd: int) -> Pinned:
        path, status = _real_path(fd), os.fstat(fd)
        if not self.holds(path):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        if status.st_nlink == 0:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return Pinned(fd, path, status)

    def _discreet(self, path: str, error: OSError) -> OSError:
        """Outside the roots and the way to them nobody learns even what is missing."""
        for ancestor in _ancestors(path):
            try:
                fd = os.open(ancestor, os.O_PATH | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                real_path = _real_path(fd)
            finally:
                os.close(fd)
            if self.holds(real_path) or self._leads_to_one(real_path):
                return error
            break
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
