"""Whether any process has committed: told by the header of SQLite's WAL index, which all of them map.

`PRAGMA data_version` asks the same with several system calls; here it is a look at 48 bytes of shared memory. The
header holds a counter of transactions and is rewritten by every commit before COMMIT returns (SQLite's "WAL-mode File
Format", section 2.1). A torn look differs from every other one, and costs another read.
"""

import mmap
import os
from pathlib import Path

_HEADER_BYTES = 48


class CommitMark:
    """One mapping for each file and process, shared by whoever opens it.

    Closing any descriptor of the index would drop the locks that SQLite holds on it in this process, so the mapping
    stays open until the last database object on that file has closed its connections.
    """

    def __init__(self, index: Path) -> None:
        self._descriptor = os.open(index, os.O_RDONLY | os.O_CLOEXEC)
        self._mapped = mmap.mmap(self._descriptor, _HEADER_BYTES, mmap.MAP_SHARED, mmap.PROT_READ)
        self.holders = 0

    def read(self) -> bytes:
        return self._mapped[:_HEADER_BYTES]

    def close(self) -> None:
        self._mapped.close()
        os.close(self._descriptor)


_open: dict[tuple[int, int], CommitMark] = {}
"""By device and inode of the index."""


def hold_mark(database: Path) -> CommitMark | None:
    """A connection must be open already, and have read. None where the index is in no file that can be mapped."""
    index = Path(f"{database}-shm")
    try:
        status = index.stat()
        if status.st_size < _HEADER_BYTES:
            return None
        key = (status.st_dev, status.st_ino)
        mark = _open.get(key) or _open.setdefault(key, CommitMark(index))
    except OSError:
        return None
    mark.holders += 1
    return mark


def release_mark(mark: CommitMark) -> None:
    """After the holder's connections are closed."""
    mark.holders -= 1
    if mark.holders == 0:
        for key in [key for key, found in _open.items() if found is mark]:
            del _open[key]
        mark.close()
