"""Writing whole files, folders, and removing: always inside a pinned parent folder.

The bytes go to `.NAME.N.sfapi-part` beside the target, locked by its writer. The lock dies with the process, so a part
that a killed server left behind is taken over by the next write of the same name, and never piles up.
"""

import errno
import fcntl
import os
import posixpath
import stat
from collections.abc import AsyncIterable
from contextlib import ExitStack, suppress

from superfacility.adapters.local.confinement import Pinned, Roots
from superfacility.adapters.local.threads import in_thread
from superfacility.facility.files import WriteGuard, WriteTarget
from superfacility.facility.words import worded
from superfacility.facility.writing import batches, encoded, part_name, require_regular, split

_BATCH = 2 * 1024 * 1024
"""So much makes a thread worth its hop."""
_LINKS = 40
_PARTS = 1000
_FOLDER = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_WORDS = "cp: cannot create regular file"


def _loop() -> OSError:
    return OSError(errno.ELOOP, os.strerror(errno.ELOOP))


def _status(name: str, folder: int) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


class PartFile:
    """One write: opened, filled, then put in the target's place or taken away."""

    def __init__(self, roots: Roots, path: str) -> None:
        self._roots = roots
        self._path = path
        self._stack = ExitStack()
        self._fd = -1
        self._part = ""
        self._name = ""
        self._mode: int | None = None
        self._folder: Pinned | None = None

    def open(self, guard: WriteGuard) -> None:
        with worded(_WORDS, self._path):
            self._folder = self._find_target()
            guard(WriteTarget(posixpath.join(self._folder.path, self._name), self._mode))
            self._open_part(self._folder.fd)

    def _find_target(self) -> Pinned:
        path = self._path
        for _ in range(_LINKS):
            folder_path, self._name = split(path)
            with ExitStack() as attempt:
                folder = attempt.enter_context(self._roots.pinned(folder_path, folder=True))
                status = _status(self._name, folder.fd)
                if status is None or not stat.S_ISLNK(status.st_mode):
                    if status is not None:
                        require_regular(status.st_mode)
                        self._mode = stat.S_IMODE(status.st_mode)
                    self._stack = attempt.pop_all()
                    return folder
                path = posixpath.join(folder.path, os.readlink(self._name, dir_fd=folder.fd))
        raise _loop()

    def _open_part(self, folder: int) -> None:
        for number in range(_PARTS):
            if self._take(part_name(self._name, str(number)), folder):
                return
        raise OSError(errno.EBUSY, "Too many writes of this file at once")

    def _take(self, part: str, folder: int) -> bool:
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        mode = 0o600 if self._mode is not None else 0o644
        fd = os.open(part, flags, mode, dir_fd=folder)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours, named = os.fstat(fd), _status(part, folder)
            if (
                named is None
                or not os.path.samestat(ours, named)
                or ours.st_nlink != 1
                or not stat.S_ISREG(ours.st_mode)
            ):
                raise BlockingIOError
            os.ftruncate(fd, 0)
            os.fchmod(fd, stat.S_IMODE(ours.st_mode) & mode)  # one that lay here may let others write, or be a program
        except BlockingIOError:  # another's, or renamed to a target between our opening and our lock
            os.close(fd)
            return False
        self._fd, self._part = fd, part
        return True

    def append(self, pieces: list[bytes]) -> None:
        with worded("cp: error writing", self._path):
            views = [memoryview(piece) for piece in pieces if piece]
            while views:
                written = os.writev(self._fd, views[:512])
                while views and written >= len(views[0]):
                    written -= len(views.pop(0))
                if written:
                    views[0] = views[0][written:]

    def finish(self) -> None:
        """Synced, then renamed; the rename is synced too."""
        assert self._folder is not None
        with worded(_WORDS, self._path):
            if self._mode is not None:
                os.fchmod(self._fd, self._mode & 0o1777)
            os.fsync(self._fd)
            os.rename(self._part, self._name, src_dir_fd=self._folder.fd, dst_dir_fd=self._folder.fd)
            self._part = ""
            folder = os.open(self._folder.again, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def close(self) -> None:
        """Takes the part away if it has not become the target."""
        if self._fd >= 0:
            if self._part and self._folder is not None:
                with suppress(OSError):
                    os.unlink(self._part, dir_fd=self._folder.fd)
            os.close(self._fd)
            self._fd = -1
        self._stack.close()


async def write_file(
    roots: Roots, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, limit: int | None
) -> int:
    """Returns the size in bytes."""
    part = PartFile(roots, path)
    total = 0
    try:
        await in_thread(part.open, guard)
        async for pieces, size in batches(chunks, path, limit, _BATCH):
            await in_thread(part.append, pieces)
            total += size
        await in_thread(part.finish)
    finally:
        part.close()
    return total


def make_directories(roots: Roots, path: str, guard: WriteGuard) -> None:
    """From the deepest folder that exists, one level at a time."""
    with worded("mkdir: cannot create directory", path):
        encoded(path)
        existing, missing = _existing_part(path)
        with roots.pinned(existing, folder=True) as pin:
            _make_below(pin, missing, guard)


def _existing_part(path: str) -> tuple[str, list[str]]:
    """The deepest folder that is there, and the names below it; what else is wrong shows when it is pinned."""
    missing: list[str] = []
    while True:
        try:
            os.close(os.open(path, _FOLDER))
        except FileNotFoundError:
            path, name = split(path.rstrip("/"))
            missing.append(name)
        except OSError:
            break
        else:
            break
    return path, missing[::-1]


def _make_below(pin: Pinned, names: list[str], guard: WriteGuard) -> None:
    path, folder = pin.path, os.dup(pin.fd)
    try:
        for name in names:
            path = posixpath.join(path, name)
            guard(WriteTarget(path, None))
            _make_one(name, folder)
            deeper = os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = deeper
    finally:
        os.close(folder)


def _make_one(name: str, folder: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=folder)
    except FileExistsError:
        there = _status(name, folder)
        if there is None or not stat.S_ISDIR(there.st_mode):
            raise


def remove_file(roots: Roots, path: str) -> None:
    """A file or link; one that is missing is no error."""
    with worded("rm: cannot remove", path), suppress(FileNotFoundError):
        folder, name = split(path)
        with roots.pinned(folder or "/", folder=True) as pin:
            os.unlink(name, dir_fd=pin.fd)
