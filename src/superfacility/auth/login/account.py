"""What people can look after themselves: their sessions, password, second factor and recovery codes."""

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from superfacility.auth.login.browser import begin_again, begin_session, members_form
from superfacility.auth.login.entering import refusal_status, slow_down
from superfacility.auth.login.second_factor import set_up_page
from superfacility.auth.pages import form_token, page, page_router, signed_in, to_login
from superfacility.auth.pages.cookies import Kind, login_of, read
from superfacility.facility.people import User
from superfacility.http.security import caller_address
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.login import (
    ACCOUNTS,
    BeginAgain,
    LoggedIn,
    LoginRefused,
    TooManyAttempts,
    WeakPassword,
)

HOME = "/account"
PASSWORD_PATH = "/account/password"  # noqa: S105 - a path
SECOND_FACTOR_PATH = "/account/second-factor"
CODES_PATH = "/account/recovery-codes"
router = page_router()


@router.get(HOME)
async def show(request: Request) -> Response:
    session = await signed_in(request)
    if session is None:
        return to_login(request)
    login, own = login_of(request), session.provider == ACCOUNTS
    account = await login.accounts.accounts.account(session.user) if own else None
    return page(
        request,
        "account.html",
        token=form_token(session),
        session=session,
        provider=None if own else dict(login.providers.choices).get(session.provider, session.provider),
        account=account,
        others=len(await login.sessions.of(session.user)) - 1,
    )


@router.get(PASSWORD_PATH)
async def ask_password(request: Request) -> Response:
    session = await signed_in(request)
    return to_login(request) if session is None else _password_page(request, session)


@router.post(PASSWORD_PATH)
async def change_password(request: Request) -> Response:
    """Ends all sessions and what was granted in them; this browser gets a new one."""
    session, fields = await members_form(request)
    if fields.get("password", "") != fields.get("again", ""):
        return _password_page(request, session, again="The two are not the same. Type it once more.")
    try:
        user = await _confirm(request, session, fields)
        await login_of(request).credentials.change_password(user, fields.get("password", ""), caller_address(request))
    except LoginRefused as refusal:
        return slow_down(_password_page(request, session, refusal=refusal), refusal)
    except WeakPassword as problem:
        return _password_page(request, session, weak=str(problem))
    await login_of(request).sessions.end_all(session.user, session.user, caller_address(request))
    who = LoggedIn(session.user, ACCOUNTS, session.methods)
    return await begin_session(request, page(request, "password-changed.html"), who)


@router.get(SECOND_FACTOR_PATH)
async def show_second_factor(request: Request) -> Response:
    session = await signed_in(request)
    if session is None:
        return to_login(request)
    offer = login_of(request).credentials.set_up(session.user)
    return set_up_page(request, offer, session, SECOND_FACTOR_PATH, wrong=None)


@router.post(SECOND_FACTOR_PATH)
async def set_second_factor(request: Request) -> Response:
    """The password is asked for again: whoever finds a browser open must not take the account over."""
    session, fields = await members_form(request)
    credentials, sealed, wrong = login_of(request).credentials, fields.get("sealed", ""), True
    try:
        await _confirm(request, session, fields)
        wrong = False
        codes = await credentials.confirm_set_up(session.user, sealed, fields.get("code", ""), caller_address(request))
    except BeginAgain:
        raise begin_again() from None
    except LoginRefused as refusal:
        try:
            offer = credentials.set_up_again(session.user, sealed)
        except BeginAgain:
            raise begin_again() from None
        words = _words(refusal) if wrong else None
        return slow_down(
            set_up_page(request, offer, session, SECOND_FACTOR_PATH, None if wrong else refusal, wrong=words), refusal
        )
    return page(request, "recovery-codes.html", codes=codes, next=HOME)


@router.get(CODES_PATH)
async def ask_codes(request: Request) -> Response:
    session = await signed_in(request)
    return to_login(request) if session is None else _codes_page(request, session)


@router.post(CODES_PATH)
async def new_codes(request: Request) -> Response:
    session, fields = await members_form(request)
    try:
        await _confirm(request, session, fields)
    except LoginRefused as refusal:
        return slow_down(_codes_page(request, session, refusal), refusal)
    codes = await login_of(request).credentials.new_recovery_codes(session.user, caller_address(request))
    return page(request, "recovery-codes.html", codes=codes, next=HOME)


async def _confirm(request: Request, session: LoginSession, fields: Mapping[str, str]) -> User:
    login = login_of(request)
    user = await login.sessions.user(session)
    if user is None:
        raise begin_again()
    given, device = fields.get("current", ""), read(request, Kind.DEVICE)
    await login.accounts.confirm(user, given, caller_address(request), device)
    return user


def _password_page(
    request: Request,
    session: LoginSession,
    *,
    refusal: LoginRefused | None = None,
    weak: str | None = None,
    again: str | None = None,
) -> Response:
    status = 422 if weak or again else refusal_status(refusal)
    wrong = _words(refusal)
    context: dict[str, Any] = {"user": session.user, "wrong": wrong, "weak": weak, "again": again}
    return page(request, "change-password.html", status=status, token=form_token(session), **context)


def _codes_page(request: Request, session: LoginSession, refusal: LoginRefused | None = None) -> Response:
    status, wrong = refusal_status(refusal), _words(refusal)
    return page(request, "new-recovery-codes.html", status=status, token=form_token(session), wrong=wrong)


def _words(refusal: LoginRefused | None) -> str | None:
    """Here it can only be the password."""
    if refusal is None or isinstance(refusal, TooManyAttempts):
        return None if refusal is None else str(refusal)
    return "This is not your password."
