"""Who is at the browser."""

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.pages import cookies
from superfacility.auth.pages.problems import PageProblem
from superfacility.auth.pages.targets import LONGEST, safe_target
from superfacility.oauth.logins import LoginSession

LOGIN_PATH = "/login"


async def signed_in(request: Request) -> LoginSession | None:
    """The session of this browser, if it still counts."""
    secret = cookies.read(request, cookies.Kind.SESSION)
    return None if secret is None else await cookies.login_of(request).sessions.current(secret)


def to_login(request: Request) -> Response:
    """To the login page, and from there back to this address. `PageProblem` if it is too long to be kept."""
    if request.method != "GET":
        return RedirectResponse(LOGIN_PATH, 303)
    query = request.scope["query_string"].decode("latin-1")
    here = request.url.path + (f"?{query}" if query else "")
    if len(here) > LONGEST:
        text = "The program that sent you here asks for too much at once. Tell the people who run it."
        raise PageProblem("This address is too long", text, 414)
    target = safe_target(here)
    return RedirectResponse(LOGIN_PATH + (f"?{urlencode({'next': target})}" if target else ""), 303)
