"""Listings as bytes: rendered, compressed and marked once for all who ask for the same of one reading."""

import asyncio
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from superfacility.core.pagination import Page
from superfacility.http.pieces import OpenGzip, Pieces
from superfacility.http.times import age_headers
from superfacility.services.compute.listings import JobListing

_WORTH_COMPRESSING = 16 * 1024
"""Bytes from which a listing is compressed for callers that take it."""
_WORTH_A_THREAD = 500
"""Rows from which rendering would hold up others."""
_ROWS_AT_ONCE = 1000
"""All threads stand still while a text is made: of a megabyte for milliseconds, and then others have their turn."""
_JSON = "application/json"
_HEAD = b'{"status":"OK","output":'


def body_of(listing: JobListing) -> bytes:
    """A `JobOutput` of a few jobs."""
    return b"".join((_HEAD, _rows(listing), _tail(listing)))


def kept_body_of(listing: JobListing) -> bytes:
    """The same, made once where it comes from a view: everybody polls the same few jobs."""
    view, name = listing.view, (listing.selection, listing.as_of, listing.stale)
    if view is None:
        return body_of(listing)
    return view.answers.get(name) or view.answers.keep(name, body_of(listing))


async def listing_response(request: Request, listing: JobListing, page: Page) -> Response:
    """The whole or a page; 304 where the caller has the same rows already."""
    if page != Page():
        jobs = page.of(listing.jobs)
        listing = JobListing(jobs, listing.as_of, listing.stale, listing.view, (listing.selection, page))
    rows = await _kept(listing, "rows", lambda: _rows(listing))
    tag = await _kept(listing, "tag", lambda: b'W/"%s"' % blake2b(rows, digest_size=12).hexdigest().encode())
    headers = age_headers(listing.as_of) | {"etag": tag.decode(), "vary": "accept-encoding, authorization"}
    if _has(request, headers["etag"]):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", "") or len(rows) < _WORTH_COMPRESSING:
        return Pieces((_HEAD, rows, _tail(listing)), media_type=_JSON, headers=headers)
    packed = OpenGzip(await _kept(listing, "gzip", lambda: OpenGzip.of(_HEAD, rows).packed))
    return Pieces(packed.closed(_tail(listing)), media_type=_JSON, headers=headers | {"content-encoding": "gzip"})


def _has(request: Request, tag: str) -> bool:
    given = request.headers.get("if-none-match")
    return given is not None and (given.strip() == "*" or tag in (each.strip() for each in given.split(",")))


async def _kept(listing: JobListing, what: str, make: Callable[[], bytes]) -> bytes:
    """What was made of the same selection of the same reading, or `make` it."""
    view, name = listing.view, (listing.selection, what)
    found = None if view is None else view.answers.get(name)
    if found is None:
        found = await asyncio.to_thread(make) if len(listing.jobs) >= _WORTH_A_THREAD else make()
        if view is not None:
            view.answers.keep(name, found)
    return found


def _rows(listing: JobListing) -> bytes:
    jobs = listing.jobs
    pieces = (
        orjson.dumps([job.columns for job in jobs[at : at + _ROWS_AT_ONCE]], default=_plain)[1:-1]
        for at in range(0, len(jobs), _ROWS_AT_ONCE)
    )
    return b"[%b]" % b",".join(pieces)


def _plain(value: Any) -> Any:
    return dict(value)


def _tail(listing: JobListing) -> bytes:
    """What differs between readings that say the same."""
    stale = b',"stale":true' if listing.stale else b""
    return b',"error":null,"data_as_of":"%s"%s}' % (listing.as_of.isoformat().encode(), stale)
