"""Files as a user sees them. Paths are absolute `str` with undecodable bytes as surrogates (`os.fsdecode`)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class FileType(StrEnum):
    """The first character of `ls -l`."""

    REGULAR = "-"
    DIRECTORY = "d"
    SYMLINK = "l"
    FIFO = "p"
    SOCKET = "s"
    BLOCK = "b"
    CHARACTER = "c"


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A row of a listing. `mode` holds the permission bits alone; `target` is where a symbolic link points."""

    name: str
    type: FileType
    mode: int
    hardlinks: int
    owner: str
    group: str
    size: int
    modified_at: datetime
    target: str | None = None

    @property
    def permissions(self) -> str:
        """As `ls -l` prints them: `drwxr-xr-x`, with s, S, t and T."""
        letters = ["r" if self.mode & 0o400 else "-"]
        for index, bit in enumerate((0o200, 0o100, 0o040, 0o020, 0o010, 0o004, 0o002, 0o001), start=1):
            letters.append("rwx"[index % 3] if self.mode & bit else "-")
        for position, special, mark in ((2, 0o4000, "s"), (5, 0o2000, "s"), (8, 0o1000, "t")):
            if self.mode & special:
                letters[position] = mark if letters[position] == "x" else mark.upper()
        return self.type.value + "".join(letters)


@dataclass(frozen=True, slots=True)
class FileStat:
    """What a path resolves to, symbolic links followed: its real path, type, size in bytes and permission bits."""

    path: str
    type: FileType
    mode: int
    size: int
    modified_at: datetime


@dataclass(frozen=True, slots=True)
class WriteTarget:
    """Where a write would really land, symbolic links followed. `mode` is None where nothing exists yet."""

    path: str
    mode: int | None

    @property
    def executable(self) -> bool:
        return self.mode is not None and bool(self.mode & 0o111)


WriteGuard = Callable[[WriteTarget], None]
"""Raises `NotPermitted` to refuse a write; called after the target's folder is pinned, before any byte is written."""
