"""Listings by `find -printf` with NUL ends: any byte in a name comes back as it is."""

import os
from collections.abc import Iterator
from dataclasses import replace
from typing import NoReturn

from superfacility.adapters.ssh.files.session import moment
from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import FileProblem
from superfacility.facility.files import FileEntry, FileType
from superfacility.facility.words import worded
from superfacility.facility.writing import encoded

_ROW = r"%y %m %n %s %T@\0%u\0%g\0%l\0%P\0"
_FIELDS = 5
_SCRIPT = (
    'find "$1" -maxdepth 1 -printf "$2"; code=$?; echo; find "$1/.." -maxdepth 0 -printf "$2" 2>/dev/null; exit "$code"'
)
"""The folder and its children, an empty line that no row can begin with, and its parent."""
_LARGEST = 16 * 1024 * 1024
_MOST = 200_000
"""Bytes and entries of a listing: it is kept whole, for everybody who asks at a time."""
_TYPES = {
    "f": FileType.REGULAR,
    "d": FileType.DIRECTORY,
    "l": FileType.SYMLINK,
    "p": FileType.FIFO,
    "s": FileType.SOCKET,
    "b": FileType.BLOCK,
    "c": FileType.CHARACTER,
}


def listing_command(path: str) -> Command:
    """`FileProblem` for what cannot be a path."""
    with worded("ls: cannot access", path):
        encoded(path)
    arguments = ("sh", "-c", _SCRIPT, "sh", path, _ROW)
    return Command(arguments, {"LC_ALL": "C"}, directory="/", output_limit=_LARGEST)


def read_listing(path: str, result: CommandResult) -> list[FileEntry]:
    """The rows as `ls -la` has them; `FileProblem` with the words of `find`."""
    if result.truncated or result.timed_out or result.stdout.count(b"\0") > _FIELDS * _MOST:
        raise FileProblem(f"ls: reading directory '{path}': it has too many entries to be listed\n".rstrip())
    try:
        return _listing(path, result)
    except ValueError:  # somebody's account can answer in the place of `find`
        raise FileProblem(f"ls: reading directory '{path}': the system answers what cannot be read") from None


def _listing(path: str, result: CommandResult) -> list[FileEntry]:
    found, _, parent = result.stdout.rpartition(b"\n")
    entries = list(_entries(found))
    itself = next((entry for entry in entries if not entry.name), None)
    if itself is None:
        _refuse("ls: cannot access", path, result.stderr)
    if itself.type is not FileType.DIRECTORY:
        return [replace(itself, name=path)]
    children = sorted((entry for entry in entries if entry.name), key=lambda entry: os.fsencode(entry.name))
    if result.exit_code and not children:
        _refuse("ls: cannot open directory", path, result.stderr)
    above = [replace(entry, name="..") for entry in _entries(parent)]
    return [replace(itself, name="."), *above, *children]


def _refuse(tool: str, path: str, said: bytes) -> NoReturn:
    with worded(tool, path):
        raise OSError(last_words(said) or "No such file or directory")


def last_words(said: bytes) -> str:
    """What a tool says is wrong: the end of its first line."""
    return said.partition(b"\n")[0].decode(errors="replace").rpartition(": ")[2]


def _entries(rows: bytes) -> Iterator[FileEntry]:
    fields = rows.split(b"\0")
    for first in range(0, len(fields) - _FIELDS, _FIELDS):
        kind, mode, links, size, modified = fields[first].decode().split(" ")
        owner, group, target, name = (os.fsdecode(each) for each in fields[first + 1 : first + _FIELDS])
        if kind in _TYPES:  # others vanished while they were looked at
            yield FileEntry(
                name=name,
                type=_TYPES[kind],
                mode=int(mode, 8),
                hardlinks=int(links),
                owner=owner,
                group=group,
                size=int(size),
                modified_at=moment(float(modified)),
                target=target if kind == "l" else None,
            )
