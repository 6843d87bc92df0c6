"""The state file: one JSON line a transaction, synced before anybody is told.

A half-written last line never happened.
"""

import contextlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Entry = dict[str, Any]


class Journal:
    """Appends entries and replays them. A failed append leaves the file as it was and raises OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = 0
        self.entries = 0

    def replay(self) -> Iterator[Entry]:
        """Every readable entry from the start; a last line without its end is cut off."""
        with self._path.open("rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    break
                self._size += len(line)
                self.entries += 1
                if (entry := _read(line)) is not None:
                    yield entry
        os.ftruncate(self._descriptor, self._size)

    def append(self, entry: Entry) -> None:
        line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
        try:
            _write_all(self._descriptor, line, self._size)
            os.fdatasync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(line)
        self.entries += 1

    def rewrite(self, entries: Iterable[Entry]) -> None:
        """Put a snapshot in the journal's place, whole or not at all."""
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        size = count = 0
        try:
            for entry in entries:
                line = json.dumps(entry, separators=(",", ":")).encode() + b"\n"
                _write_all(descriptor, line, size)
                size, count = size + len(line), count + 1
            os.fsync(descriptor)
            temporary.replace(self._path)
        except OSError:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(self._path.parent)
        os.close(self._descriptor)
        self._descriptor, self._size, self.entries = descriptor, size, count

    def close(self) -> None:
        os.close(self._descriptor)


def _read(line: bytes) -> Entry | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _write_all(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
