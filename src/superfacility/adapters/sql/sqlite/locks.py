"""The proof of life of workers on one host: a locked file each, which the kernel unlocks when its process ends."""

import fcntl
import os
from pathlib import Path

from superfacility.tasks.task import WorkerId


class FileLease:
    """`flock` on `<directory>/<worker>.lock`. No process id is ever compared, so a reused one cannot deceive.

    The lock belongs to the open file, which programs that we start do not inherit. Files of the dead are removed by
    whoever notices them, under the lock, so that nobody can take one that is about to go.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: dict[WorkerId, int] = {}

    def hold(self, worker: WorkerId) -> None:
        if worker in self._held:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held[worker] = _lock_file(self._path(worker))
        for other in self._directory.glob("*.lock"):
            self.alive(WorkerId(other.stem))

    def release(self, worker: WorkerId) -> None:
        descriptor = self._held.pop(worker, None)
        if descriptor is not None:
            self._path(worker).unlink(missing_ok=True)
            os.close(descriptor)

    def alive(self, worker: WorkerId) -> bool:
        path = self._path(worker)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            if _is_at(descriptor, path):
                path.unlink(missing_ok=True)
            return False
        finally:
            os.close(descriptor)

    def _path(self, worker: WorkerId) -> Path:
        return self._directory / f"{worker}.lock"


def _lock_file(path: Path) -> int:
    """Open and lock; again if somebody removed the file between the two."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        if _is_at(descriptor, path):
            return descriptor
        os.close(descriptor)


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    mine = os.fstat(descriptor)
    return (mine.st_dev, mine.st_ino) == (there.st_dev, there.st_ino)
