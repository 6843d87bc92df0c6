"""The second half of a login with a built-in account."""

from typing import Any

from fastapi import Request, Response

from superfacility.auth.login.browser import begin_again, begin_session, enter, visitors_form
from superfacility.auth.login.entering import CODE_PATH, SET_UP_PATH, refusal_status, slow_down
from superfacility.auth.login.qr_code import qr_code
from superfacility.auth.pages import form_token, page, page_router
from superfacility.auth.pages.cookies import Kind, login_of, read
from superfacility.auth.pages.forms import visitor
from superfacility.http.security import caller_address
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.login import BeginAgain, HalfWay, LoginRefused, SetUp
from superfacility.services.access.login.accounts import logged_in

RECOVERY_PATH = "/login/recovery-code"
router = page_router()


@router.get(CODE_PATH)
async def ask_code(request: Request) -> Response:
    await _half_way(request)
    return _page(request, "code.html")


@router.post(CODE_PATH)
async def check_code(request: Request) -> Response:
    """A code of the app."""
    fields, half = await visitors_form(request), await _half_way(request)
    try:
        who = await login_of(request).accounts.code(half, fields.get("code", ""), caller_address(request))
    except LoginRefused as refusal:
        return _page(request, "code.html", refusal)
    return await enter(request, who, half.next)


@router.get(RECOVERY_PATH)
async def ask_recovery_code(request: Request) -> Response:
    await _half_way(request)
    return _page(request, "recovery-code.html")


@router.post(RECOVERY_PATH)
async def check_recovery_code(request: Request) -> Response:
    """For when the telephone is lost."""
    fields, half = await visitors_form(request), await _half_way(request)
    try:
        who = await login_of(request).accounts.recovery(half, fields.get("code", ""), caller_address(request))
    except LoginRefused as refusal:
        return _page(request, "recovery-code.html", refusal)
    return await enter(request, who, half.next)


@router.get(SET_UP_PATH)
async def show_set_up(request: Request) -> Response:
    """For somebody who has no second factor yet and must have one."""
    half = await _without_second_factor(request)
    return set_up_page(request, login_of(request).credentials.set_up(half.user), visitor(request), SET_UP_PATH)


@router.post(SET_UP_PATH)
async def set_up(request: Request) -> Response:
    """The app has learnt it: log in, and show the recovery codes."""
    fields, half = await visitors_form(request), await _without_second_factor(request)
    credentials, sealed = login_of(request).credentials, fields.get("sealed", "")
    try:
        codes = await credentials.confirm_set_up(half.user, sealed, fields.get("code", ""), caller_address(request))
    except BeginAgain:
        raise begin_again() from None
    except LoginRefused as refusal:
        again = credentials.set_up_again(half.user, sealed)
        return set_up_page(request, again, visitor(request), SET_UP_PATH, refusal)
    response = page(request, "recovery-codes.html", codes=codes, next=half.next)
    return await begin_session(request, response, logged_in(half.user, second_factor=True))


def set_up_page(
    request: Request,
    offer: SetUp,
    session: LoginSession | str | None,
    action: str,
    refusal: LoginRefused | None = None,
    **more: Any,
) -> Response:
    return page(
        request,
        "set-up.html",
        status=refusal_status(refusal),
        token=form_token(session or ""),
        action=action,
        sealed=offer.sealed,
        key=" ".join(offer.secret[at : at + 4] for at in range(0, len(offer.secret), 4)),
        uri=offer.uri,
        qr_code=qr_code(offer.uri),
        error=None if refusal is None else str(refusal),
        ask_password=bool(more),
        **more,
    )


async def _half_way(request: Request) -> HalfWay:
    if visitor(request) is None:
        raise begin_again()
    login = login_of(request)
    try:
        half = login.flows.half_way(read(request, Kind.FLOW))
        await login.accounts.standing(half)
    except BeginAgain:
        raise begin_again() from None
    return half


async def _without_second_factor(request: Request) -> HalfWay:
    """Who has one must use it, not make another."""
    half = await _half_way(request)
    if await login_of(request).accounts.has_second_factor(half.user):
        raise begin_again()
    return half


def _page(request: Request, name: str, refusal: LoginRefused | None = None) -> Response:
    secret = visitor(request)
    assert secret is not None, "asked for by _half_way"
    error = None if refusal is None else str(refusal)
    response = page(request, name, status=refusal_status(refusal), token=form_token(secret), error=error)
    return slow_down(response, refusal)
