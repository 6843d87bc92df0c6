"""`/utilities`: files and commands of a system."""

import hashlib
import json
import shlex
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from superfacility.client.calls.files.downloads import RAW, Download, Progress, unbroken, unpacked
from superfacility.client.calls.tasks import TaskCalls
from superfacility.client.errors import Refused
from superfacility.client.records.files import Copied, Entry
from superfacility.client.records.reading import rows
from superfacility.client.records.work import CommandResult
from superfacility.client.transport.messages import PIECE, Body, whole
from superfacility.client.wire.refusals import checked
from superfacility.client.wire.session import Ask, part, quoted
from superfacility.core.identifiers import new_uuid

_PATIENT = 300.0
"""Seconds that a server is given to put a whole file in its place."""


def _nothing(_: int, __: int | None) -> None:
    return None


class FileCalls(TaskCalls):
    async def ls(self, system: str, path: str) -> tuple[Entry, ...]:
        """Rows of a folder, `.` and `..` first; one row for a file or a symbolic link."""
        found = await self.session.agreed(Ask("GET", _path("ls", system, path)))
        return tuple(map(Entry.of, rows(found.get("entries"))))

    async def read(self, system: str, path: str, *, progress: Progress = _nothing) -> bytes:
        """A whole file."""
        return b"".join([piece async for piece in self.pieces(system, path, progress=progress)])

    async def pieces(self, system: str, path: str, *, progress: Progress = _nothing) -> AsyncIterator[bytes]:
        """A file as it comes; `Unavailable` if it breaks off."""
        reply = await self.session.reply(Ask("GET", _path("download", system, path)), accept=RAW)
        if reply.headers.get("content-type", "").startswith("application/json"):
            yield await unpacked(reply)
            return
        length = reply.headers.get("content-length")
        done, total = 0, int(length) if length else None
        progress(done, total)
        async for piece in unbroken(reply, path):
            done += len(piece)
            progress(done, total)
            yield piece

    async def download(self, system: str, path: str, target: Path, *, progress: Progress = _nothing) -> Copied:
        """Into a local file, which has its name only when it is whole.

        A copy that breaks off goes on where it was, also in the next program, if the facility sends parts of files and
        this one has not changed.
        """
        copy = Download(self.session, _path("download", system, path), f"{system}:{path}", progress)
        return await copy.into(target)

    async def upload(self, source: Path, system: str, path: str, *, progress: Progress = _nothing) -> Copied:
        """A local file, new or over an old one; nobody ever sees half of it."""
        content = _Upload(source, progress)
        ask = Ask("PUT", _path("upload", system, path), body=content.body(), headers={"content-type": content.kind})
        reply = await self.session.reply(ask, timeout=_PATIENT)
        checked(json.loads(await whole(reply)), reply.headers.get("x-request-id"))
        return Copied(str(source), f"{system}:{path}", content.size, content.digest)

    async def write(self, system: str, path: str, data: bytes) -> None:
        """A whole file from memory."""
        pieces = [_HEAD, data, _TAIL]
        body = Body(lambda: pieces, sum(map(len, pieces)))
        ask = Ask("PUT", _path("upload", system, path), body=body, headers={"content-type": _KIND})
        await self.session.agreed(ask)

    async def start_command(self, system: str, command: str | Sequence[str], *, key: str | None = None) -> str:
        """The id of its task. A text is read by a login shell; a sequence is run as it is."""
        text = command if isinstance(command, str) else shlex.join(command)
        form = {"executable": text}
        ask = Ask("POST", f"utilities/command/{part(system)}", form=form, key=key)
        return str((await self.session.agreed(ask))["task_id"])

    async def run(
        self, system: str, command: str | Sequence[str], *, timeout: float | None = None, key: str | None = None
    ) -> CommandResult:
        """What it wrote and its exit code; `Refused` if it could not be run at all."""
        task = await self.wait_for_task(await self.start_command(system, command, key=key), timeout=timeout)
        result = task.result or {}
        if task.state != "completed" or result.get("exit_code") is None:
            raise Refused(task.error or f"Task {task.id} ended as {task.state}.")
        return CommandResult(str(result.get("output") or ""), str(result.get("error") or ""), int(result["exit_code"]))


_BOUNDARY = "superfacility-5f7d1c3e9a2b"
_KIND = f"multipart/form-data; boundary={_BOUNDARY}"
_HEAD = (
    f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="upload"\r\ncontent-type: {RAW}\r\n\r\n'
).encode()
_TAIL = f"\r\n--{_BOUNDARY}--\r\n".encode()


class _Upload:
    """A local file as the body of a form; what is sent is what is digested."""

    def __init__(self, source: Path, progress: Progress) -> None:
        self.size = source.stat().st_size
        self.digest = ""
        self.kind = f"multipart/form-data; boundary={_BOUNDARY}-{new_uuid().hex}"
        self._source = source
        self._progress = progress

    def body(self) -> Body:
        marked = self.kind.partition("boundary=")[2].encode()
        head, tail = (each.replace(_BOUNDARY.encode(), marked) for each in (_HEAD, _TAIL))
        return Body(lambda: self._pieces(head, tail), len(head) + self.size + len(tail))

    def _pieces(self, head: bytes, tail: bytes) -> Iterator[bytes]:
        digest, done = hashlib.sha256(), 0
        yield head
        self._progress(0, self.size)
        with self._source.open("rb") as file:
            while done < self.size and (piece := file.read(min(PIECE, self.size - done))):
                digest.update(piece)
                yield piece
                done += len(piece)
                self._progress(done, self.size)
        if done < self.size:
            raise Refused(f"{self._source} became shorter while it was sent. Copy it again when nobody writes to it.")
        self.digest = digest.hexdigest()
        yield tail


def _path(verb: str, system: str, path: str) -> str:
    """With the double slash that every server takes for an absolute path."""
    return f"utilities/{verb}/{part(system)}/{quoted(path)}"
