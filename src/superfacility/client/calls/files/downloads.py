"""One file from a system into a local one, over connections that break off."""

import base64
import json
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

from superfacility.client.calls.files.arriving import Arriving
from superfacility.client.errors import Unavailable
from superfacility.client.records.files import Copied
from superfacility.client.transport.messages import Broken, Reply, each_piece, whole
from superfacility.client.wire.refusals import checked
from superfacility.client.wire.session import Ask, Session

RAW = "application/octet-stream"
_ATTEMPTS = 4
"""Times in a row that a connection may break off before it has brought a single byte."""

Progress = Callable[[int, int | None], None]
"""Bytes moved so far, and of how many; they fall back to 0 when a copy begins anew."""


class Download:
    """Where the facility sends parts of files, a copy goes on where it broke off: at once, or in the next program."""

    def __init__(self, session: Session, address: str, source: str, progress: Progress) -> None:
        self._session = session
        self._address = address
        self._source = source
        self._progress = progress
        self._tag: str | None = None
        self._part: Arriving | None = None

    async def into(self, target: Path) -> Copied:
        failed = 0
        try:
            while True:
                before = self._size
                try:
                    await self._fetched(target)
                    break
                except Unavailable as problem:
                    failed = 0 if self._size > before else failed + 1
                    if failed == _ATTEMPTS:
                        raise self._broken(problem) from problem
            part = self._part
            assert part is not None
            await self._session.transport.offload(lambda: part.take_place_of(target))
            self._part = None
            return Copied(self._source, str(target), part.size, part.digest.hexdigest())
        finally:
            if self._part is not None:
                self._part.leave()

    @property
    def _size(self) -> int:
        return 0 if self._part is None else self._part.size

    def _broken(self, problem: Unavailable) -> Unavailable:
        if self._part is None or not (self._part.kept and self._part.size):
            return problem
        return Unavailable(f"{str(problem).rstrip()} {self._size} bytes are kept: the same copy goes on from there.")

    async def _fetched(self, target: Path) -> None:
        """Whatever is missing, by one or two requests."""
        offload = self._session.transport.offload
        headers = {"range": f"bytes={self._size}-", "if-range": self._tag} if self._size and self._tag else {}
        reply = await self._session.reply(Ask("GET", self._address, headers=headers), accept=RAW)
        if reply.headers.get("content-type", "").startswith("application/json"):
            content = await unpacked(reply)
            part = await self._begun(target, None)
            await offload(partial(part.write, content))
            return
        length = reply.headers.get("content-length")
        total = int(length) if length else None
        if reply.status == 206:
            if not reply.headers.get("content-range", "").startswith(f"bytes {self._size}-"):
                await reply.close()
                raise Unavailable(f"{self._source}: the facility sent another part than it was asked for.")
            total = None if total is None else total + self._size
        else:
            part = await self._begun(target, reply.headers.get("etag") if _sends_parts(reply) else None)
            if part.size and part.size == total:
                await reply.close()
                return
            if part.size and total is not None and part.size < total:
                await reply.close()
                await self._fetched(target)
                return
            await offload(part.begin_anew)
        await self._written(reply, total)

    async def _begun(self, target: Path, tag: str | None) -> Arriving:
        """The part of this very file; of another one the old part is given up."""
        if self._part is not None and tag is not None and tag == self._tag:
            self._part.begin_anew()  # the facility would not go on after all
            return self._part
        if self._part is not None:
            self._part.kept = False
            self._part.leave()
        self._tag = tag
        identity = f"{self._session.api}\n{self._source}\n{tag}" if tag else None
        self._part = await self._session.transport.offload(lambda: Arriving(target, identity))
        return self._part

    async def _written(self, reply: Reply, total: int | None) -> None:
        part = self._part
        assert part is not None
        self._progress(part.size, total)
        async for piece in unbroken(reply, self._source):
            await self._session.transport.offload(partial(part.write, piece))
            self._progress(part.size, total)


async def unbroken(reply: Reply, source: str) -> AsyncIterator[bytes]:
    """The pieces of a body; `Unavailable` if it breaks off."""
    try:
        async for piece in each_piece(reply):
            yield piece
    except Broken as problem:
        raise Unavailable(f"{source} broke off ({problem}). Copy it again.") from problem
    finally:
        await reply.close()


async def unpacked(reply: Reply) -> bytes:
    """A refusal, or a file from a server that sends files in JSON only."""
    content = checked(json.loads(await whole(reply)), reply.headers.get("x-request-id"))
    text = str(content.get("file") or "")
    return base64.b64decode(text) if content.get("is_binary") else text.encode()


def _sends_parts(reply: Reply) -> bool:
    return reply.headers.get("accept-ranges") == "bytes"
