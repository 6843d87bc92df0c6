"""Listings and what a path is, as `ls -la` and `stat` see them."""

import errno
import grp
import os
import pwd
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice

from superfacility.adapters.local.confinement import Roots
from superfacility.facility.files import FileEntry, FileStat, FileType
from superfacility.facility.words import worded

MOST_CHILDREN = 100_000
"""Rows of a listing: all of them are held at a time, for each who asks."""
_FIRST_MOMENT, _LAST_MOMENT = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (2, 9999))


def modified_at(status: os.stat_result) -> datetime:
    """`touch` takes times beyond the calendar, and some filesystems keep them."""
    return datetime.fromtimestamp(min(max(_FIRST_MOMENT, status.st_mtime), _LAST_MOMENT), UTC)


def file_type(status: os.stat_result) -> FileType:
    return FileType(stat.filemode(status.st_mode)[0])


class _Names:
    """Names of accounts, asked once a listing; a number where there is no name."""

    def __init__(self) -> None:
        self._users: dict[int, str] = {}
        self._groups: dict[int, str] = {}

    def user(self, uid: int) -> str:
        return _remembered(self._users, uid, lambda: pwd.getpwuid(uid).pw_name)

    def group(self, gid: int) -> str:
        return _remembered(self._groups, gid, lambda: grp.getgrgid(gid).gr_name)


def _remembered(known: dict[int, str], number: int, ask: Callable[[], str]) -> str:
    if number not in known:
        try:
            known[number] = ask()
        except KeyError:
            known[number] = str(number)
    return known[number]


def _entry(name: str, status: os.stat_result, names: _Names, target: str | None = None) -> FileEntry:
    return FileEntry(
        name=name,
        type=file_type(status),
        mode=stat.S_IMODE(status.st_mode),
        hardlinks=status.st_nlink,
        owner=names.user(status.st_uid),
        group=names.group(status.st_gid),
        size=status.st_size,
        modified_at=modified_at(status),
        target=target,
    )


def _child(name: str, folder: int, names: _Names) -> FileEntry | None:
    """None if it has vanished since its name was read."""
    try:
        status = os.stat(name, dir_fd=folder, follow_symlinks=False)
        target = os.readlink(name, dir_fd=folder) if stat.S_ISLNK(status.st_mode) else None
    except OSError:
        return None
    return _entry(name, status, names, target)


def _children(folder: int) -> list[FileEntry]:
    names = _Names()
    with os.scandir(folder) as children:
        found = [each.name for each in islice(children, MOST_CHILDREN + 1)]
    if len(found) > MOST_CHILDREN:
        raise OSError(errno.EOVERFLOW, "it has too many entries to be listed")
    rows = (_child(name, folder, names) for name in (".", "..", *sorted(found, key=os.fsencode)))
    return [row for row in rows if row is not None]


@contextmanager
def _ls_words(path: str) -> Iterator[None]:
    with worded("ls: cannot access", path):
        try:
            yield
        except PermissionError as error:
            with worded("ls: cannot open directory", path):
                raise error from None


def list_path(roots: Roots, path: str) -> list[FileEntry]:
    """The rows of `ls -la path`."""
    with _ls_words(path), roots.pinned(path, follow=False) as pin:
        if stat.S_ISDIR(pin.status.st_mode):
            folder = os.open(pin.again, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                return _children(folder)
            finally:
                os.close(folder)
        target = os.readlink("", dir_fd=pin.fd) if stat.S_ISLNK(pin.status.st_mode) else None
        return [_entry(path, pin.status, _Names(), target)]


def stat_path(roots: Roots, path: str) -> FileStat:
    """Symbolic links followed."""
    with worded("stat: cannot statx", path), roots.pinned(path) as pin:
        return file_stat(pin.path, pin.status)


def file_stat(path: str, status: os.stat_result) -> FileStat:
    return FileStat(path, file_type(status), stat.S_IMODE(status.st_mode), status.st_size, modified_at(status))
