"""A local file while it arrives: hidden until it is whole, and kept for the next program where it broke off."""

import fcntl
import hashlib
import os
from pathlib import Path

from superfacility.client.transport.messages import PIECE
from superfacility.core.identifiers import new_uuid


class Arriving:
    """Beside its target, `.NAME.….part`. What it is a part of names it, so that parts of two things never mix; without
    such an `identity`, or where another program writes the same part, it is nobody else's and goes if it breaks off."""

    def __init__(self, target: Path, identity: str | None) -> None:
        self.size = 0
        self.digest = hashlib.sha256()
        self.kept = identity is not None
        self._path = _part(target, hashlib.sha256((identity or "").encode()).hexdigest()[:12])
        descriptor = _locked(self._path) if identity is not None else None
        if descriptor is None:
            self.kept = False
            self._path = _part(target, new_uuid().hex[:12])
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o666)
        self._file = os.fdopen(descriptor, "r+b")
        self._read()

    def _read(self) -> None:
        """What an earlier program has left."""
        while piece := self._file.read(PIECE):
            self.digest.update(piece)
            self.size += len(piece)

    def begin_anew(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size, self.digest = 0, hashlib.sha256()

    def write(self, piece: bytes) -> None:
        self.digest.update(piece)
        self._file.write(piece)
        self.size += len(piece)

    def take_place_of(self, target: Path) -> None:
        """It is whole."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._path.replace(target)
        self._file.close()

    def leave(self) -> None:
        """Keep what another program can go on with; no more than that."""
        self._file.close()
        if not (self.kept and self.size):
            self._path.unlink(missing_ok=True)


def kept_parts(target: Path) -> list[Path]:
    """What waits beside a target for a program that goes on."""
    return [
        each
        for each in target.parent.glob(".*.part")
        if each.name.startswith(f".{target.name}.") and each.stat().st_size
    ]


def _part(target: Path, mark: str) -> Path:
    return target.with_name(f".{target.name}.{mark}.part")


def _locked(path: Path) -> int | None:
    """Open, and nobody else's for as long as it is; None where it is somebody's, or has gone to its place by now."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.stat(path), os.fstat(descriptor)):  # noqa: PTH116 - both from the same call
            return descriptor
    except OSError:
        pass
    os.close(descriptor)
    return None
