"""The stylesheet and the logo."""

from fastapi import APIRouter, Request, Response

from superfacility.auth.pages.cookies import login_of
from superfacility.auth.pages.rendering import LOGO_PATH, STYLE_PATH, stylesheet
from superfacility.facility.errors import NotFound
from superfacility.http.security import PUBLIC

_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
_LOGO = {
    "Cache-Control": "public, max-age=3600",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox",  # of an SVG opened by itself
}

router = APIRouter(dependencies=[PUBLIC], include_in_schema=False)


@router.get(STYLE_PATH)
async def style(request: Request) -> Response:
    """Its address changes with its content."""
    appearance = login_of(request).appearance
    return Response(stylesheet(appearance.colour, appearance.on_colour)[0], headers=_FOREVER, media_type="text/css")


@router.get(LOGO_PATH)
async def logo(request: Request) -> Response:
    found = login_of(request).appearance.logo
    if found is None:
        raise NotFound("This facility has no logo.")
    return Response(found.content, headers=_LOGO, media_type=found.media_type)
