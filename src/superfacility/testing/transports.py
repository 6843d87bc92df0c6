"""A transport in memory: a tree of files, a handful of programs, and switches for what can go wrong."""

import asyncio
import posixpath
import stat
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from superfacility.facility.commands import Command, CommandResult
from superfacility.facility.errors import FileProblem, Unavailable
from superfacility.facility.files import FileEntry, FileStat, FileType, WriteGuard, WriteTarget
from superfacility.facility.people import User
from superfacility.facility.transport import OpenFile, OutputSink

_LINKS = 40
_MODIFIED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
_MISSING = "No such file or directory"


@dataclass(slots=True)
class Node:
    """A file with bytes, a symbolic link with a target, or a folder or special file with neither."""

    type: FileType
    mode: int
    data: bytes = b""
    target: str = ""


@dataclass(slots=True)
class Faults:
    """What goes wrong. Counts go down as they are used."""

    unavailable: bool = False
    """The system does not answer at all."""
    silent_until: asyncio.Event | None = None
    """Whatever is asked hangs until this is set."""
    full_after: int | None = None
    """Bytes after which a write finds the disk full."""
    corrupt_writes: int = 0
    """So many next writes flip a bit."""
    broken_reads: int = 0
    """So many next reads lose the system after their first piece."""


Program = Callable[[User, Command, OutputSink], Awaitable[int]]


async def _echo(_: User, command: Command, say: OutputSink) -> int:
    say("stdout", " ".join(command.arguments[1:]).encode() + b"\n")
    return 0


async def _cat(_: User, command: Command, say: OutputSink) -> int:
    say("stdout", command.stdin)
    return 0


async def _false(_: User, __: Command, ___: OutputSink) -> int:
    return 1


async def _sleep(_: User, command: Command, __: OutputSink) -> int:
    await asyncio.sleep(float(command.arguments[1]))
    return 0


PROGRAMS: dict[str, Program] = {"echo": _echo, "cat": _cat, "false": _false, "sleep": _sleep}


@dataclass
class MemoryTransport:
    """Files below `roots` only, as every transport that confines; add `programs` to taste."""

    roots: tuple[str, ...] = ("/home", "/scratch")
    programs: dict[str, Program] = field(default_factory=lambda: dict(PROGRAMS))
    faults: Faults = field(default_factory=Faults)
    nodes: dict[str, Node] = field(default_factory=dict)
    piece: int = 1024 * 1024

    def __post_init__(self) -> None:
        self.nodes["/"] = Node(FileType.DIRECTORY, 0o755)
        for root in self.roots:
            self.add_folder(root)

    def add_folder(self, path: str) -> None:
        while path not in self.nodes:
            self.nodes[path] = Node(FileType.DIRECTORY, 0o755)
            path = posixpath.dirname(path)

    def add_file(self, path: str, data: bytes = b"", mode: int = 0o644) -> None:
        self.add_folder(posixpath.dirname(path))
        self.nodes[path] = Node(FileType.REGULAR, mode, data)

    def add_link(self, path: str, target: str) -> None:
        self.add_folder(posixpath.dirname(path))
        self.nodes[path] = Node(FileType.SYMLINK, 0o777, target=target)

    def add_special(self, path: str, kind: FileType = FileType.FIFO) -> None:
        self.add_folder(posixpath.dirname(path))
        self.nodes[path] = Node(kind, 0o644)

    async def run(self, user: User, command: Command, on_output: OutputSink | None = None) -> CommandResult:
        await self._answer()
        program = self.programs.get(command.arguments[0])
        if program is None:
            return CommandResult(127, b"", f"bash: {command.arguments[0]}: command not found\n".encode())
        said = {"stdout": bytearray(), "stderr": bytearray()}
        sizes = {"stdout": 0, "stderr": 0}

        def say(stream: str, data: bytes) -> None:
            kept = data[: command.output_limit - len(said[stream])]
            sizes[stream] += len(data)
            said[stream] += kept
            if on_output is not None and kept:
                on_output("stdout" if stream == "stdout" else "stderr", kept)

        try:
            async with asyncio.timeout(command.time_limit):
                code, timed_out = await program(user, command, say), False
        except TimeoutError:
            code, timed_out = 128 + 15, True
        cut = any(size > command.output_limit for size in sizes.values())
        return CommandResult(code, bytes(said["stdout"]), bytes(said["stderr"]), timed_out, cut)

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        await self._answer()
        real = self._resolve("ls: cannot access", path, follow=path.endswith("/"))
        node = self.nodes[real]
        if node.type is not FileType.DIRECTORY:
            return [_entry(path, node)]
        parent = self.nodes[posixpath.dirname(real)]
        children = sorted(self._children(real), key=lambda each: each.encode(errors="surrogateescape"))
        rows = [_entry(name, self.nodes[posixpath.join(real, name)]) for name in children]
        return [_entry(".", node), _entry("..", parent), *rows]

    async def stat(self, user: User, path: str) -> FileStat:
        await self._answer()
        real = self._resolve("stat: cannot statx", path)
        return _stat(real, self.nodes[real])

    @asynccontextmanager
    async def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[OpenFile]:
        await self._answer()
        real = self._resolve("cat:", path)
        node = self.nodes[real]
        _require_regular("cat:", path, node)
        end = len(node.data) if length is None else offset + length
        yield OpenFile(_stat(real, node), self._pieces(node.data[offset:end]))

    async def _pieces(self, data: bytes) -> AsyncIterator[bytes]:
        broken = self.faults.broken_reads > 0
        self.faults.broken_reads -= broken
        for start in range(0, len(data), self.piece):
            yield data[start : start + self.piece]
            if broken:
                raise Unavailable("The system went away.")

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        await self._answer()
        words = "cp: cannot create regular file"
        real, old = self._target(words, path)
        guard(WriteTarget(real, None if old is None else old.mode))
        data = bytearray()
        async for chunk in chunks:
            data += chunk
            if limit is not None and len(data) > limit:
                raise FileProblem(f"cp: error writing '{path}': File too large (the limit is {limit} bytes)")
            if self.faults.full_after is not None and len(data) > self.faults.full_after:
                raise FileProblem(f"cp: error writing '{path}': No space left on device")
        if self.faults.corrupt_writes and data:
            self.faults.corrupt_writes -= 1
            data[0] ^= 1
        self.nodes[real] = Node(FileType.REGULAR, 0o644 if old is None else old.mode, bytes(data))
        return len(data)

    def _target(self, words: str, path: str) -> tuple[str, Node | None]:
        _check(words, path)
        for _ in range(_LINKS):
            folder, name = posixpath.split(path)
            if name in ("", ".", ".."):
                raise FileProblem(f"{words} '{path}': Is a directory")
            real_folder = self._resolve(words, folder, of=path)
            if self.nodes[real_folder].type is not FileType.DIRECTORY:
                raise FileProblem(f"{words} '{path}': Not a directory")
            real = posixpath.join(real_folder, name)
            node = self.nodes.get(real)
            if node is None:
                return real, None
            if node.type is not FileType.SYMLINK:
                _require_regular(words, path, node)
                return real, node
            path = posixpath.join(real_folder, node.target)
        raise FileProblem(f"{words} '{path}': Too many levels of symbolic links")

    async def make_directory(self, user: User, path: str, guard: WriteGuard) -> None:
        await self._answer()
        words = "mkdir: cannot create directory"
        _check(words, path)
        missing: list[str] = []
        existing = path.rstrip("/") or "/"
        while posixpath.normpath(existing) not in self.nodes:
            existing, name = posixpath.split(existing)
            missing.append(name)
        real = self._resolve(words, existing, of=path)
        if self.nodes[real].type is not FileType.DIRECTORY:
            raise FileProblem(f"{words} '{path}': Not a directory")
        for name in reversed(missing):
            real = posixpath.join(real, name)
            guard(WriteTarget(real, None))
            self.nodes[real] = Node(FileType.DIRECTORY, 0o755)

    async def remove(self, user: User, path: str) -> None:
        await self._answer()
        words = "rm: cannot remove"
        _check(words, path)
        real = posixpath.join(self._resolve(words, posixpath.dirname(path), of=path), posixpath.basename(path))
        node = self.nodes.get(real)
        if node is not None and node.type is FileType.DIRECTORY:
            raise FileProblem(f"{words} '{path}': Is a directory")
        self.nodes.pop(real, None)

    async def ping(self) -> None:
        await self._answer()

    async def aclose(self) -> None:
        """Nothing is open."""

    async def _answer(self) -> None:
        if self.faults.silent_until is not None:
            await self.faults.silent_until.wait()
        if self.faults.unavailable:
            raise Unavailable("The system does not answer.")

    def _children(self, folder: str) -> Iterator[str]:
        return (posixpath.basename(path) for path in self.nodes if path != "/" and posixpath.dirname(path) == folder)

    def _resolve(self, words: str, path: str, *, follow: bool = True, of: str | None = None) -> str:
        """The real path of what is there, inside the roots; `of` is the path to speak of."""
        said = f"{words} '{of or path}'"
        _check(words, path, of)
        left, real, links = path.split("/")[::-1], "/", 0
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            real = posixpath.dirname(real) if name == ".." else posixpath.join(real, name)
            node = self.nodes.get(real)
            if node is None:
                raise FileProblem(f"{said}: {_MISSING}")
            if node.type is FileType.SYMLINK and (follow or left):
                links += 1
                if links > _LINKS:
                    raise FileProblem(f"{said}: Too many levels of symbolic links")
                left.extend(node.target.split("/")[::-1])
                real = "/" if node.target.startswith("/") else posixpath.dirname(real)
            elif left and node.type not in (FileType.DIRECTORY, FileType.SYMLINK):
                raise FileProblem(f"{said}: Not a directory")
        if not any(real == root or real.startswith(root + "/") for root in self.roots):
            raise FileProblem(f"{said}: Permission denied")
        return real


def _check(words: str, path: str, of: str | None = None) -> None:
    if not path.startswith("/") or "\0" in path:
        raise FileProblem(f"{words} '{of or path}': Invalid argument")
    if len(path.encode(errors="surrogateescape")) > 4096:
        raise FileProblem(f"{words} '{of or path}': File name too long")


def _require_regular(words: str, path: str, node: Node) -> None:
    if node.type is FileType.DIRECTORY:
        raise FileProblem(f"{words} '{path}': Is a directory")
    if node.type is not FileType.REGULAR:
        raise FileProblem(f"{words} '{path}': Not a regular file")


def _stat(real: str, node: Node) -> FileStat:
    return FileStat(real, node.type, node.mode, len(node.data), _MODIFIED)


def _entry(name: str, node: Node) -> FileEntry:
    links = 2 if node.type is FileType.DIRECTORY else 1
    target = node.target or None
    return FileEntry(
        name, node.type, stat.S_IMODE(node.mode), links, "user", "group", len(node.data), _MODIFIED, target
    )
