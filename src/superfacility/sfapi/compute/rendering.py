"""Listings as bytes: rendered, compressed and marked once for all who ask for the same of one reading."""

from starlette.requests import Request
from starlette.responses import Response

from superfacility.core.pagination import Page
from superfacility.http.rows import Make, made, rows_of, rows_response, tag_of
from superfacility.http.times import age_headers
from superfacility.services.compute.listings import JobListing

_HEAD = b'{"status":"OK","output":'
_AFTER_ROWS = b',"error":null,"data_as_of":"'


def kept_body_of(listing: JobListing) -> bytes:
    """A `JobOutput` of a few jobs, made once where it comes from a view: everybody polls the same few jobs."""
    view, name = listing.view, (listing.selection, listing.as_of, listing.stale)
    if view is None:
        return _body_of(listing)
    return view.answers.get(name) or view.answers.keep(name, _body_of(listing))


def tag_within(body: bytes) -> bytes:
    """The tag of the rows in a whole body: the same as `listing_response` gives them."""
    return tag_of(body[len(_HEAD) : body.rindex(_AFTER_ROWS)])


async def listing_response(request: Request, listing: JobListing, page: Page) -> Response:
    """The whole or a page; 304 where the caller has the same rows already."""
    if page != Page():
        jobs = page.of(listing.jobs)
        listing = JobListing(jobs, listing.as_of, listing.stale, listing.view, (listing.selection, page))

    async def keep(what: str, make: Make) -> bytes:
        """What was made of the same selection of the same reading."""
        view, name = listing.view, (listing.selection, what)
        found = None if view is None else view.answers.get(name)
        if found is None:
            found = await made(listing.jobs, make)
            if view is not None:
                view.answers.keep(name, found)
        return found

    return await rows_response(request, listing.jobs, (_HEAD, _tail(listing)), age_headers(listing.as_of), keep)


def _body_of(listing: JobListing) -> bytes:
    return b"".join((_HEAD, rows_of(listing.jobs), _tail(listing)))


def _tail(listing: JobListing) -> bytes:
    """What differs between readings that say the same."""
    stale = b',"stale":true' if listing.stale else b""
    return _AFTER_ROWS + b'%s"%s}' % (listing.as_of.isoformat().encode(), stale)
