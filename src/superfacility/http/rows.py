"""Rows of jobs on the wire: rendered once, compressed for those who take it, and none for those who have them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from superfacility.facility.jobs import Job
from superfacility.http.pieces import OpenGzip, Pieces

UNCHANGED: dict[int | str, dict[str, Any]] = {
    304: {"description": "The rows are still those whose `ETag` came in `If-None-Match`"}
}
_WORTH_COMPRESSING = 16 * 1024
"""Bytes from which rows are compressed for callers that take it."""
_WORTH_A_THREAD = 500
"""Rows from which rendering would hold up others."""
_ROWS_AT_ONCE = 1000
"""All threads stand still while a text is made: of a megabyte for milliseconds, and then others have their turn."""
_JSON = "application/json"

Make = Callable[[], bytes]
Keep = Callable[[str, Make], Awaitable[bytes]]


async def rows_response(
    request: Request, jobs: Sequence[Job], around: tuple[bytes, bytes], headers: Mapping[str, str], keep: Keep
) -> Response:
    """The rows between the two texts `around` them; 304 where the caller has the same rows already. `keep` answers what
    was made under a name before, or makes it."""
    head, tail = around
    rows = await keep("rows", lambda: rows_of(jobs))
    tag = (await keep("tag", lambda: tag_of(rows))).decode()
    headers = {**headers, "etag": tag, "vary": "accept-encoding, authorization"}
    if has_tag(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", "") or len(rows) < _WORTH_COMPRESSING:
        return Pieces((head, rows, tail), media_type=_JSON, headers=headers)
    packed = OpenGzip(await keep("gzip", lambda: OpenGzip.of(head, rows).packed))
    return Pieces(packed.closed(tail), media_type=_JSON, headers=headers | {"content-encoding": "gzip"})


async def made(jobs: Sequence[Job], make: Make) -> bytes:
    """What is made of many rows is made beside the event loop."""
    return await asyncio.to_thread(make) if len(jobs) >= _WORTH_A_THREAD else make()


def rows_of(jobs: Sequence[Job]) -> bytes:
    pieces = (
        orjson.dumps([job.columns for job in jobs[at : at + _ROWS_AT_ONCE]], default=_plain)[1:-1]
        for at in range(0, len(jobs), _ROWS_AT_ONCE)
    )
    return b"[%b]" % b",".join(pieces)


def tag_of(rows: bytes) -> bytes:
    return b'W/"%s"' % blake2b(rows, digest_size=12).hexdigest().encode()


def has_tag(given: str | None, tag: str) -> bool:
    """Whether the tag is one of an `If-None-Match`."""
    return given is not None and (given.strip() == "*" or tag in (each.strip() for each in given.split(",")))


def _plain(value: Any) -> Any:
    return dict(value)
