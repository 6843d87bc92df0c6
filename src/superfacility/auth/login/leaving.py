"""Log out: here, everywhere, and at the identity provider."""

import structlog
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.login.browser import members_form
from superfacility.auth.pages import form_token, onward, page, page_router, signed_in
from superfacility.auth.pages.cookies import Kind, drop, login_of
from superfacility.facility.errors import FacilityError
from superfacility.http.security import caller_address
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.login.providers import LOGGED_OUT_PATH

_log = structlog.get_logger(__name__)
router = page_router()


@router.get("/logout")
async def ask(request: Request) -> Response:
    """A form, so that no other site can log people out."""
    session = await signed_in(request)
    if session is None:
        return RedirectResponse(LOGGED_OUT_PATH, 303)
    return page(request, "logout.html", token=form_token(session), user=session.user)


@router.post("/logout")
async def leave(request: Request) -> Response:
    """With `everywhere`, on all browsers."""
    session, fields = await members_form(request)
    sessions, address = login_of(request).sessions, caller_address(request)
    if "everywhere" in fields:
        await sessions.end_all(session.user, session.user, address)
    else:
        await sessions.end(session, address)
    upstream = await _upstream(request, session)
    response = RedirectResponse(LOGGED_OUT_PATH, 303) if upstream is None else onward(request, upstream)
    for kind in (Kind.SESSION, Kind.FLOW, Kind.FORM):
        drop(request, response, kind)
    return response


@router.get(LOGGED_OUT_PATH)
async def left(request: Request) -> Response:
    return page(request, "logged-out.html")


async def _upstream(request: Request, session: LoginSession) -> str | None:
    """A provider that does not answer keeps nobody logged in here."""
    try:
        return await login_of(request).providers.logout_url(session)
    except FacilityError:
        _log.warning("no logout at the provider", provider=session.provider, exc_info=True)
        return None
