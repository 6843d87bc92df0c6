"""A file as a body, in JSON or as it is, made in pieces: memory stays flat whatever its size."""

import binascii
import codecs
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from enum import Enum

import orjson
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from superfacility.facility.transport import OpenFile
from superfacility.sfapi.utilities.ranges import WHOLE, Part, tag_of

RAW = "application/octet-stream"

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


class Form(Enum):
    """How a file is sent: in a JSON body as text or as base64, or as it is."""

    TEXT = "text"
    BASE64 = "base64"
    RAW = "raw"


_JSON_BODIES = {Form.TEXT: text_body, Form.BASE64: base64_body}


class FileResponse(StreamingResponse):
    """Holds the file open until the body is sent or the caller is gone."""

    def __init__(
        self, opened: OpenFile, file: AbstractAsyncContextManager[object], form: Form, part: Part = WHOLE
    ) -> None:
        body = opened.chunks if form is Form.RAW else _JSON_BODIES[form](opened)
        headers = {}
        if form is Form.BASE64:
            headers["content-length"] = str(base64_length(opened.stat.size))
        elif form is Form.RAW:
            headers = _raw_headers(opened, part)
        media_type = RAW if form is Form.RAW else "application/json"
        super().__init__(body, 200 if part == WHOLE else 206, media_type=media_type, headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._file:
            await super().__call__(scope, receive, send)


def _raw_headers(opened: OpenFile, part: Part) -> dict[str, str]:
    size, end = opened.stat.size, part.end(opened.stat.size)
    headers = {
        "content-disposition": "attachment",
        "content-length": str(end - part.start),
        "accept-ranges": "bytes",
        "etag": tag_of(opened.stat),
    }
    return headers if part == WHOLE else {**headers, "content-range": f"bytes {part.start}-{end - 1}/{size}"}
