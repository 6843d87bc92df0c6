"""The page where a login begins."""

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.login.browser import HOME, enter, target_of, visitors_form
from superfacility.auth.pages import form_token, page, page_router, signed_in
from superfacility.auth.pages.cookies import Kind, login_of, read, write
from superfacility.auth.pages.forms import keep_visitor, new_visitor, visitor
from superfacility.auth.pages.targets import safe_target
from superfacility.http.security import caller_address
from superfacility.services.access.login import HalfWay, LoginRefused, TooManyAttempts
from superfacility.services.access.login.accounts import logged_in

CODE_PATH = "/login/code"
SET_UP_PATH = "/login/set-up"
router = page_router()


@router.get("/login")
async def ask(request: Request) -> Response:
    """Also for somebody who is logged in, if there is something to go on to; `again` asks for a fresh login."""
    target = safe_target(request.query_params.get("next"))
    session = await signed_in(request)
    if session is not None and target is None:
        return RedirectResponse(HOME, 303)
    anew = session is None or "again" in request.query_params
    return _login_page(request, target, known=None if anew or session is None else session.user)


@router.post("/login")
async def check(request: Request) -> Response:
    """Name and password of a built-in account."""
    fields = await visitors_form(request)
    name, target = fields.get("user", ""), target_of(fields)
    try:
        half = await login_of(request).accounts.password(
            name, fields.get("password", ""), caller_address(request), read(request, Kind.DEVICE), target
        )
    except LoginRefused as refusal:
        return _login_page(request, safe_target(fields.get("next")), name=name, refusal=refusal)
    return await _after_password(request, half)


async def _after_password(request: Request, half: HalfWay) -> Response:
    accounts = login_of(request).accounts
    if await accounts.has_second_factor(half.user):
        return go_half_way(request, half, CODE_PATH)
    if accounts.required:
        return go_half_way(request, half, SET_UP_PATH)
    return await enter(request, logged_in(half.user, second_factor=False), half.next)


def go_half_way(request: Request, half: HalfWay, path: str) -> Response:
    response = RedirectResponse(path, 303)
    write(request, response, Kind.FLOW, login_of(request).flows.seal(half), 600)
    return response


def _login_page(
    request: Request,
    target: str | None,
    *,
    known: str | None = None,
    name: str = "",
    refusal: LoginRefused | None = None,
) -> Response:
    secret = visitor(request) or new_visitor()
    login = login_of(request)
    response = page(
        request,
        "login.html",
        status=refusal_status(refusal),
        token=form_token(secret),
        next=target,
        known=known,
        name=name[:64],
        error=None if refusal is None else str(refusal),
        providers=login.providers.choices,
        accounts=login.built_in is not None,
    )
    return keep_visitor(request, slow_down(response, refusal), secret)


def refusal_status(refusal: Exception | None) -> int:
    if refusal is None:
        return 200
    return 429 if isinstance(refusal, TooManyAttempts) else 403


def slow_down(response: Response, refusal: Exception | None) -> Response:
    if isinstance(refusal, TooManyAttempts):
        response.headers["Retry-After"] = str(refusal.retry_after)
    return response
