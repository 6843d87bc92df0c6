"""To an identity provider and back."""

from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.login.browser import HOME, begin_again, enter
from superfacility.auth.pages import PageProblem, page_router
from superfacility.auth.pages.cookies import Kind, login_of, read, write
from superfacility.auth.pages.targets import safe_target
from superfacility.facility.errors import NotPermitted, Unavailable
from superfacility.services.access.login import BeginAgain
from superfacility.services.access.login.providers import CALLBACK_PATH

router = page_router()


@router.get("/login/with/{name}")
async def go(request: Request, name: str) -> Response:
    """A link and no form: whoever is sent here by another site meets the provider's own page."""
    login = login_of(request)
    target = safe_target(request.query_params.get("next")) or HOME
    try:
        url, away = await login.providers.begin(name, target)
    except Unavailable as problem:
        raise _not_now(problem, target) from problem
    response = RedirectResponse(url, 303, {"Cache-Control": "no-store"})
    write(request, response, Kind.FLOW, login.flows.seal(away), 600)
    return response


@router.get(CALLBACK_PATH.format("{name}"))
async def come_back(request: Request, name: str) -> Response:
    """The provider's answer counts in the browser that asked for it, once."""
    login = login_of(request)
    target = HOME
    try:
        away = login.flows.away(read(request, Kind.FLOW))
        target = away.next
        answer = dict(request.query_params)
        if len(answer) != len(request.query_params.multi_items()):
            raise NotPermitted("The identity provider's answer is ambiguous.")
        who = await login.providers.finish(name, away, answer)
    except BeginAgain:
        raise begin_again() from None
    except NotPermitted as refusal:
        raise PageProblem("You are not logged in", str(refusal), 403, again=_begin(target)) from refusal
    except Unavailable as problem:
        raise _not_now(problem, target) from problem
    return await enter(request, who, away.next)


def _not_now(problem: Unavailable, target: str) -> PageProblem:
    return PageProblem("Not now", str(problem), 503, again=_begin(target), retry_after=problem.retry_after)


def _begin(target: str) -> str:
    """Where a login begins that leads to the same place."""
    return "/login" if target == HOME else f"/login?{urlencode({'next': target})}"
