"""Answers that are made before they are sent, and often kept: a server that knows them gets each in one message.

uvicorn looks at each letter of each header of each answer, and those of the lane of polled reads are nearly the same
each time. Here they are looked at once, when the answer is made.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from starlette.types import Send

EXTENSION = "superfacility.ready"
"""In ASGI's `extensions` of a request whose `http.response.start` may have it: header lines and a body, to be all."""
EXTENSIONS: dict[str, dict[object, object]] = {EXTENSION: {}}
Header = tuple[bytes, bytes]

_LINE = re.compile(rb"[a-z-]+: [\x09\x20-\x7e\x80-\xff]*\r\n")


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200, or a 304 without a body. Its headers are complete but for the request's id; `lines` are the same as they
    are written."""

    headers: tuple[Header, ...]
    lines: bytes
    body: bytes
    status: int = 200

    @classmethod
    def of(cls, headers: Sequence[Header], body: bytes, status: int = 200) -> "Answer":
        """`ValueError` for a header that would be two."""
        return cls(tuple(headers), b"".join([_line(*header) for header in headers]), body, status)

    def with_body(self, body: bytes) -> "Answer":
        """The same with another body, and its length before the other headers."""
        length = b"%d" % len(body)
        headers = ((b"content-length", length), *self.headers)
        return Answer(headers, b"content-length: %b\r\n%b" % (length, self.lines), body)


async def send_answer(answer: Answer, own_id: bytes, scope: Mapping[str, Any], send: Send) -> None:
    """`own_id` is fit for a header: `request_id` has seen to it."""
    if EXTENSION in scope.get("extensions", ()):
        ready = (b"%bx-request-id: %b\r\n" % (answer.lines, own_id), answer.body)
        await send({"type": "http.response.start", "status": answer.status, EXTENSION: ready})
        return
    headers = [*answer.headers, (b"x-request-id", own_id)]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


@lru_cache(maxsize=1024)
def _line(name: bytes, value: bytes) -> bytes:
    line = b"%b: %b\r\n" % (name, value)
    if not _LINE.fullmatch(line):
        raise ValueError(f"this is no header: {line!r}")
    return line
