"""Long answers of which only the end is new: sent in pieces that are never copied, compressed once whatever the end."""

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x04\xff"
"""Of RFC 1952: deflate, no name, no time, the fastest algorithm."""
_LEVEL = 1
_TRAILER = struct.Struct("<II")
_WHOLE = 2**32


class Pieces(Response):
    """A body of known length. A caller that reads slowly is waited for between two pieces."""

    def __init__(self, pieces: Sequence[bytes], *, media_type: str, headers: Mapping[str, str]) -> None:
        length = str(sum(map(len, pieces)))
        super().__init__(None, headers={**headers, "content-length": length}, media_type=media_type)
        self._pieces = pieces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        for piece in self._pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@dataclass(frozen=True, slots=True)
class OpenGzip:
    """A gzip that any text can end. `packed` has the checksum and the length of its content behind it."""

    packed: bytes

    @classmethod
    def of(cls, *pieces: bytes) -> "OpenGzip":
        squeezed, checksum, length = [_HEADER], 0, 0
        squeezer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        for piece in pieces:
            squeezed.append(squeezer.compress(piece))
            checksum, length = zlib.crc32(piece, checksum), length + len(piece)
        squeezed.append(squeezer.flush(zlib.Z_FULL_FLUSH))
        return cls(b"".join((*squeezed, _TRAILER.pack(checksum, length % _WHOLE))))

    def closed(self, tail: bytes) -> tuple[bytes, bytes]:
        """In two pieces."""
        end = len(self.packed) - _TRAILER.size
        checksum, length = _TRAILER.unpack_from(self.packed, end)
        squeezer = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
        trailer = _TRAILER.pack(zlib.crc32(tail, checksum), (length + len(tail)) % _WHOLE)
        return self.packed[:end], squeezer.compress(tail) + squeezer.flush() + trailer
