"""Bodies of `/utilities`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

from superfacility.facility.files import FileEntry, FileType
from superfacility.http.paths import shown

_ROWS = 1000


class UtilityStatus(StrEnum):
    OK = "OK"
    ERROR = "ERROR"


class DirectoryEntry(BaseModel):
    """A row of `ls -la`."""

    perms: str = Field(description="As `ls -l` prints them.")
    hardlinks: int
    user: str
    group: str
    size: int = Field(description="Bytes.")
    date: str = Field(description="Time of the last change, ISO 8601 with the offset from UTC.")
    name: str = Field(
        description="A bare name in a folder; the absolute path of a file; `/path -> target` of a symbolic link. "
        "U+FFFD stands for bytes that are not UTF-8."
    )


class DirectoryOutput(BaseModel):
    """A listing. A folder's rows begin with `.` and `..`; a file has exactly one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "status": "OK",
                    "entries": [
                        {
                            "perms": "-rw-r--r--",
                            "hardlinks": 1,
                            "user": "demo1",
                            "group": "demo1",
                            "size": 16,
                            "date": "2026-05-02T18:10:51+00:00",
                            "name": "/home/demo1/hello.sh",
                        }
                    ],
                    "error": None,
                }
            ]
        }
    )

    status: UtilityStatus
    entries: list[DirectoryEntry]
    error: str | None


class FileDownload(BaseModel):
    """A file: text, or base64 where `is_binary` says so."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"status": "OK", "file": "hello\n", "is_binary": False, "error": None}],
        }
    )

    status: UtilityStatus
    file: str | None = None
    is_binary: bool = False
    error: str | None = None


class UploadResult(BaseModel):
    status: UtilityStatus
    output: str | None = None
    error: str | None = None


class UtilityCommand(BaseModel):
    """What is run."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"executable": "cd $HOME && ls -l | wc -l"}]})

    executable: str = Field(description="Text for bash, run in a login shell as you, in your home directory.")


class UtilityCommandOutput(BaseModel):
    """The task that runs the command: follow it at `/tasks/{task_id}`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"task_id": "703", "status": "OK", "error": None}]})

    task_id: str
    status: UtilityStatus
    error: str | None = None


def _name(entry: FileEntry, *, alone: bool) -> str:
    if alone and entry.type is FileType.SYMLINK:
        return shown(f"{entry.name} -> {entry.target}")
    return shown(entry.name)


def _row(entry: FileEntry, *, alone: bool) -> dict[str, Any]:
    return {
        "perms": entry.permissions,
        "hardlinks": entry.hardlinks,
        "user": entry.owner,
        "group": entry.group,
        "size": entry.size,
        "date": entry.modified_at.isoformat(timespec="seconds"),
        "name": _name(entry, alone=alone),
    }


def listing_body(entries: Sequence[FileEntry]) -> bytes:
    """A `DirectoryOutput`, made a thousand rows at a time: folders can have a million. One row is no folder."""
    alone = len(entries) == 1
    pieces = [
        orjson.dumps([_row(entry, alone=alone) for entry in entries[start : start + _ROWS]])[1:-1]
        for start in range(0, len(entries), _ROWS)
    ]
    return b'{"status":"OK","entries":[' + b",".join(pieces) + b'],"error":null}'
