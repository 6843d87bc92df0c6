"""Setting a password by the link of an invitation or a reset. Opening the link changes nothing: mail is read by robots,
too."""

from typing import Any

from fastapi import Request, Response

from superfacility.auth.login.browser import visitors_form
from superfacility.auth.pages import PageProblem, form_token, page, page_router
from superfacility.auth.pages.cookies import Kind, drop, login_of
from superfacility.auth.pages.forms import keep_visitor, new_visitor, visitor
from superfacility.facility.errors import NotFound
from superfacility.http.security import caller_address
from superfacility.oauth.identity.accounts import LoginLink
from superfacility.services.access.login import LinkSpent, LoginRefused, WeakPassword

PATH = "/password"
router = page_router()


@router.get(PATH)
async def ask(request: Request) -> Response:
    ticket = request.query_params.get("ticket", "")
    return _page(request, ticket, await _link(request, ticket))


@router.post(PATH)
async def set_password(request: Request) -> Response:
    """The next step is to log in with it: the link alone opens nothing."""
    fields = await visitors_form(request)
    ticket, password = fields.get("ticket", ""), fields.get("password", "")
    link = await _link(request, ticket)
    if password != fields.get("again", ""):
        return _page(request, ticket, link, again="The two are not the same. Type it once more.")
    try:
        user = await login_of(request).credentials.set_by_link(ticket, password, caller_address(request))
    except WeakPassword as problem:
        return _page(request, ticket, link, weak=str(problem))
    except LinkSpent as problem:
        raise _spent(problem) from None
    await login_of(request).sessions.end_all(user, user, caller_address(request))
    response = page(request, "password-set.html")
    drop(request, response, Kind.SESSION)
    return response


async def _link(request: Request, ticket: str) -> LoginLink:
    """Guessing is limited, though there are 2^256 of them."""
    login = login_of(request)
    attempt = await login.accounts.throttle.address(caller_address(request))
    try:
        link = await login.credentials.link(ticket)
    except (LoginRefused, NotFound) as problem:
        raise _spent(LinkSpent()) from problem
    await login.accounts.throttle.succeeded(attempt)
    return link


def _page(
    request: Request, ticket: str, link: LoginLink, *, weak: str | None = None, again: str | None = None
) -> Response:
    secret = visitor(request) or new_visitor()
    status = 422 if weak or again else 200
    context: dict[str, Any] = {
        "ticket": ticket,
        "user": link.user,
        "purpose": link.purpose.value,
        "weak": weak,
        "again": again,
    }
    response = page(request, "password-link.html", status=status, token=form_token(secret), **context)
    return keep_visitor(request, response, secret)


def _spent(problem: LinkSpent) -> PageProblem:
    return PageProblem("This link does not work any more", str(problem), 403)
