"""A file as a JSON body, made in pieces: memory stays flat whatever its size."""

import binascii
import codecs
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from superfacility.facility.transport import OpenFile

_BEFORE = b'{"status":"OK","file":"'
_AFTER = b'","is_binary":%s,"error":null}'


async def is_text(opened: OpenFile) -> bool:
    """Whether all of it is UTF-8; reads to the end, or to the first byte that is not."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        async for piece in opened.chunks:
            decoder.decode(piece)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


async def text_body(opened: OpenFile) -> AsyncIterator[bytes]:
    """What changed since it was found to be text is replaced, never an error in the middle."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    yield _BEFORE
    async for piece in opened.chunks:
        yield orjson.dumps(decoder.decode(piece))[1:-1]
    yield orjson.dumps(decoder.decode(b"", final=True))[1:-1] + _AFTER % b"false"


async def base64_body(opened: OpenFile) -> AsyncIterator[bytes]:
    rest = b""
    yield _BEFORE
    async for piece in opened.chunks:
        data = rest + piece if rest else piece
        whole = len(data) - len(data) % 3
        rest = data[whole:]
        yield binascii.b2a_base64(memoryview(data)[:whole], newline=False)
    yield binascii.b2a_base64(rest, newline=False) + _AFTER % b"true"


def base64_length(size: int) -> int:
    """Bytes of the whole body."""
    return len(_BEFORE) + 4 * -(-size // 3) + len(_AFTER % b"true")


class FileResponse(StreamingResponse):
    """Holds the file open until the body is sent or the caller is gone."""

    def __init__(self, opened: OpenFile, file: AbstractAsyncContextManager[object], *, binary: bool) -> None:
        headers = {"content-length": str(base64_length(opened.stat.size))} if binary else None
        body = base64_body(opened) if binary else text_body(opened)
        super().__init__(body, media_type="application/json", headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._file:
            await super().__call__(scope, receive, send)
