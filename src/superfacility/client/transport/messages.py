"""The port: what every transport does."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

Result = TypeVar("Result")

PIECE = 1024 * 1024
"""Bytes that a large body moves in."""


class NotReached(Exception):
    """The request never left: it can be sent again, whatever it is."""


class NotTrusted(NotReached):
    """The server could not prove who it is. Asking again does not help."""


class Broken(Exception):
    """The connection ended, or nothing came in time, after the request had left."""


@dataclass(frozen=True, slots=True)
class Body:
    """A body that can be sent again: `pieces` begins anew each time it is called."""

    pieces: Callable[[], Iterable[bytes]]
    length: int


@dataclass(frozen=True, slots=True)
class Request:
    """`url` is absolute; `timeout` is for connecting and for each wait for bytes.

    What is `repeatable` does no more when it arrives twice.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Body | None = None
    timeout: float = 30.0
    repeatable: bool = False


class Reply(Protocol):
    """The head has come; the body is read from here. Close it, or read it to its end."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""

    async def piece(self, timeout: float | None = None) -> bytes:
        """The next bytes as they come, nothing at the end. `Broken` if none come in time."""

    async def close(self) -> None:
        """Give the connection back, or up."""


class Lock(Protocol):
    """Held by `async with`."""

    def __aenter__(self) -> Awaitable[object]: ...

    def __aexit__(self, *problem: Any) -> Awaitable[bool | None]: ...


class Transport(Protocol):
    """Sends requests; may be used by several at the same time."""

    async def send(self, request: Request) -> Reply:
        """`NotReached` or `Broken` where there is no reply."""

    async def sleep(self, seconds: float) -> None: ...

    async def offload(self, function: Callable[[], Result]) -> Result:
        """Call what may wait for a disk."""

    def lock(self) -> Lock:
        """A new lock of this kind of program."""

    async def close(self) -> None: ...


async def whole(reply: Reply) -> bytes:
    """All of the body."""
    try:
        pieces = [piece async for piece in each_piece(reply)]
    finally:
        await reply.close()
    return b"".join(pieces)


async def each_piece(reply: Reply, timeout: float | None = None) -> AsyncIterator[bytes]:
    while piece := await reply.piece(timeout):
        yield piece


def not_trusted(problem: BaseException) -> str:
    """Why a certificate was refused, in the words of the TLS library; empty where it was something else."""
    import ssl

    seen: BaseException | None = problem
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen.verify_message.rstrip(".")
        seen = seen.__cause__ or seen.__context__
    return ""
