"""What a login does to the browser."""

from collections.abc import Mapping

from fastapi import Request, Response

from superfacility.auth.pages import PageProblem, checked_form, onward, signed_in
from superfacility.auth.pages.cookies import Kind, drop, login_of, read, write
from superfacility.auth.pages.forms import visitor
from superfacility.auth.pages.targets import safe_target
from superfacility.http.security import caller_address
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.login import ACCOUNTS, BeginAgain, LoggedIn

HOME = "/account"
_DEVICE_SECONDS = 365 * 24 * 3600


async def begin_session(request: Request, response: Response, who: LoggedIn) -> Response:
    """With a new secret, whatever the browser had before; what was under way is over."""
    login = login_of(request)
    secret, _ = await login.sessions.begin(who, caller_address(request), instead_of=await signed_in(request))
    write(request, response, Kind.SESSION, secret, int(login.sessions.rules.lifetime.total_seconds()))
    for kind in (Kind.FLOW, Kind.FORM):
        drop(request, response, kind)
    if who.provider == ACCOUNTS and not login.accounts.throttle.knows(who.user, read(request, Kind.DEVICE)):
        write(request, response, Kind.DEVICE, login.accounts.throttle.new_device(who.user), _DEVICE_SECONDS)
    return response


async def enter(request: Request, who: LoggedIn, target: str) -> Response:
    """Begin the session and go where the login was to lead."""
    return await begin_session(request, onward(request, target), who)


def target_of(fields: Mapping[str, str]) -> str:
    return safe_target(fields.get("next")) or HOME


async def visitors_form(request: Request) -> dict[str, str]:
    """Of a page that is shown before there is a session."""
    return await checked_form(request, visitor(request))


async def members_form(request: Request) -> tuple[LoginSession, dict[str, str]]:
    session = await signed_in(request)
    if session is None:
        raise PageProblem("You are not logged in", "Nothing was done. Log in first.", 403, again="/login")
    return session, await checked_form(request, session)


def begin_again() -> PageProblem:
    return PageProblem("Begin again", str(BeginAgain()), 403, again="/login")
