"""Copies files and trees between two transports of this installation, checks them, and starts again where it stopped.

Symbolic links in a tree: one that leads to a file (inside what its transport allows) is copied as that file; one that
leads to a folder, nowhere or outside is skipped, and so are FIFOs, sockets and devices. What is skipped is named in the
progress.
Modes are not copied: a new file gets the target's usual mode.
"""

import asyncio
import hashlib
import posixpath
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from superfacility.facility.errors import FileProblem, Unavailable
from superfacility.facility.files import FileEntry, FileType, WriteGuard
from superfacility.facility.people import User
from superfacility.facility.transfers import Endpoint, ProgressSink, TransferProgress, TransferRequest

_PROGRESS_BYTES = 64 * 1024 * 1024
_SKIPPED_NAMED = 100


@dataclass(frozen=True, slots=True)
class _File:
    source: str
    target: str
    size: int


@dataclass(slots=True)
class _Plan:
    """What a walk of the source found."""

    folders: list[str] = field(default_factory=list)
    files: list[_File] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)


class LocalTransferAgent:
    """Reads from one transport and writes to the other, in this process."""

    async def copy(
        self, user: User, request: TransferRequest, guard: WriteGuard, progress: ProgressSink
    ) -> TransferProgress:
        return await _Copy(user, request, guard, progress).run()


class _Copy:
    def __init__(self, user: User, request: TransferRequest, guard: WriteGuard, progress: ProgressSink) -> None:
        self._user = user
        self._source = request.source
        self._target = request.target
        self._source_path = _strip(request.source_path)
        self._target_path = _strip(request.target_path)
        self._guard = guard
        self._report = progress
        self._progress = TransferProgress()

    async def run(self) -> TransferProgress:
        plan = await self._plan()
        self._progress = TransferProgress(
            files_total=len(plan.files),
            bytes_total=sum(file.size for file in plan.files),
            skipped=tuple(plan.skipped[:_SKIPPED_NAMED]),
        )
        await self._report(self._progress)
        for folder in plan.folders:
            await self._target.transport.make_directory(self._user, folder, self._guard)
        for file in plan.files:
            await self._copy_file(file)
        return self._progress

    async def _plan(self) -> _Plan:
        status = await self._source.transport.stat(self._user, self._source_path)
        plan = _Plan()
        if status.type is FileType.DIRECTORY:
            self._refuse_into_itself(status.path)
            await self._walk(plan)
        elif status.type is FileType.REGULAR:
            plan.folders.append(posixpath.dirname(self._target_path) or "/")
            plan.files.append(_File(self._source_path, self._target_path, status.size))
        else:
            raise FileProblem(f"cp: {self._source_path!r}: Not a regular file or directory")
        return plan

    def _refuse_into_itself(self, real_source: str) -> None:
        if self._source.transport is not self._target.transport:
            return
        for source in (real_source, posixpath.normpath(self._source_path)):
            if f"{posixpath.normpath(self._target_path)}/".startswith(f"{source}/"):
                raise FileProblem(
                    f"cp: cannot copy a directory, {self._source_path!r}, into itself, {self._target_path!r}"
                )

    async def _walk(self, plan: _Plan) -> None:
        left = [""]
        while left:
            below = left.pop()
            plan.folders.append(posixpath.join(self._target_path, below) if below else self._target_path)
            folder = posixpath.join(self._source_path, below)
            for entry in await self._source.transport.listing(self._user, folder.rstrip("/") + "/"):
                if entry.name in (".", ".."):
                    continue
                name = posixpath.join(below, entry.name)
                if entry.type is FileType.DIRECTORY:
                    left.append(name)
                else:
                    await self._plan_entry(plan, name, entry)

    async def _plan_entry(self, plan: _Plan, name: str, entry: FileEntry) -> None:
        source, size = posixpath.join(self._source_path, name), entry.size
        if entry.type is FileType.SYMLINK:
            try:
                status = await self._source.transport.stat(self._user, source)
            except FileProblem as problem:
                plan.skipped.append(f"{name}: {problem}")
                return
            if status.type is not FileType.REGULAR:
                plan.skipped.append(f"{name}: a symbolic link that does not lead to a file")
                return
            size = status.size
        elif entry.type is not FileType.REGULAR:
            plan.skipped.append(f"{name}: not a regular file")
            return
        plan.files.append(_File(source, posixpath.join(self._target_path, name), size))

    async def _copy_file(self, file: _File) -> None:
        if not await self._is_there(file):
            await self._write(file)
        self._progress = replace(
            self._progress,
            files_done=self._progress.files_done + 1,
            bytes_done=self._progress.bytes_done + file.size,
        )
        await self._report(self._progress)

    async def _is_there(self, file: _File) -> bool:
        try:
            status = await self._target.transport.stat(self._user, file.target)
        except FileProblem:
            return False
        if status.type is not FileType.REGULAR or status.size != file.size:
            return False
        return await self._checksum(self._target, file.target) == await self._checksum(self._source, file.source)

    async def _write(self, file: _File) -> None:
        digest = hashlib.sha256()

        async def pieces() -> AsyncIterator[bytes]:
            sent = 0
            async with self._source.transport.read(self._user, file.source) as opened:
                async for piece in opened.chunks:
                    await asyncio.to_thread(digest.update, piece)
                    yield piece
                    sent += len(piece)
                    if sent % _PROGRESS_BYTES < len(piece):
                        await self._report(replace(self._progress, bytes_done=self._progress.bytes_done + sent))

        await self._target.transport.write(self._user, file.target, pieces(), self._guard)
        if await self._checksum(self._target, file.target) != digest.hexdigest():
            raise Unavailable(f"The copy of {file.source!r} differs from what was read; it will be copied again.")

    async def _checksum(self, endpoint: Endpoint, path: str) -> str:
        digest = hashlib.sha256()
        async with endpoint.transport.read(self._user, path) as opened:
            async for piece in opened.chunks:
                await asyncio.to_thread(digest.update, piece)
        return digest.hexdigest()


def _strip(path: str) -> str:
    return path.rstrip("/") or "/"
