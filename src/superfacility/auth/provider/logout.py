"""Logout that an application asks for (OpenID Connect RP-Initiated Logout 1.0)."""

from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.messages import Parameters, parsed
from superfacility.auth.pages import PageProblem, checked_form, form_token, page, page_router, signed_in
from superfacility.auth.pages.cookies import Kind, drop, login_of
from superfacility.auth.provider.context import count_stranger, provider_of
from superfacility.http.security import caller_address
from superfacility.oauth.applications import Application
from superfacility.oauth.clients import ClientId
from superfacility.oauth.errors import NotGenuine, OAuthError
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.identity import Hint, read_hint, session_id
from superfacility.oauth.provider.redirects import form_source
from superfacility.oauth.server_metadata import LOGOUT_PATH

LOGGED_OUT_PATH = "/logged-out"
CONFIRM_PATH = f"{LOGOUT_PATH}/confirm"

router = page_router()


@dataclass(frozen=True, slots=True)
class _Wish:
    """A logout as it was asked for; `onward` is where to go afterwards."""

    application: Application | None
    hint: Hint | None
    onward: str | None

    def proves(self, session: LoginSession) -> bool:
        """The `id_token` was made for this very session, so nobody need be asked."""
        return self.hint is not None and self.hint.sid == session_id(session.key)


@router.get(LOGOUT_PATH)
async def logout(request: Request) -> Response:
    count_stranger(request)
    return await _begin(request, request.scope["query_string"].decode("latin-1"))


@router.post(LOGOUT_PATH)
async def logout_by_form(request: Request) -> Response:
    """From the application's own page: the browser asks again by GET, with its cookies."""
    count_stranger(request)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > 16_384:
            raise PageProblem("This request is too large", "You are still logged in.", 413)
    _read(bytes(body))
    return _to(f"{LOGOUT_PATH}?{body.decode('ascii')}")


@router.post(CONFIRM_PATH)
async def confirm(request: Request) -> Response:
    """The person has said yes."""
    session = await signed_in(request)
    fields = await checked_form(request, session)
    assert session is not None, "else the form is refused"
    wish = await _wish(request, _read(fields.get("request", "").encode("latin-1", "replace")))
    return await _end(request, session, wish)


async def _begin(request: Request, query: str) -> Response:
    wish = await _wish(request, _read(query.encode("latin-1")))
    session = await signed_in(request)
    if session is None:
        return _to(wish.onward or LOGGED_OUT_PATH)
    if wish.proves(session):
        return await _end(request, session, wish)
    return page(
        request,
        "application-logout.html",
        form_action="" if wish.onward is None else form_source(wish.onward),
        token=form_token(session),
        action=CONFIRM_PATH,
        query=query,
        user=session.user,
        application=wish.application,
    )


async def _end(request: Request, session: LoginSession, wish: _Wish) -> Response:
    """The session and what was allowed for its time alone."""
    await login_of(request).sessions.end(session, caller_address(request))
    response = _to(wish.onward or LOGGED_OUT_PATH)
    drop(request, response, Kind.SESSION)
    return response


async def _wish(request: Request, parameters: Parameters) -> _Wish:
    if any(len(values) != 1 for values in parameters.values()):
        raise _cannot("A parameter came more than once.")
    sent = {name: values[0] for name, values in parameters.items() if values[0]}
    hint = _hint(request, sent.get("id_token_hint"))
    client_id = sent.get("client_id", "" if hint is None else hint.application)
    if hint is not None and client_id != hint.application:
        raise _cannot("client_id and id_token_hint name two applications.")
    application = await provider_of(request).known.application(ClientId(client_id)) if client_id else None
    return _Wish(application, hint, _onward(application, sent))


def _hint(request: Request, text: str | None) -> Hint | None:
    if text is None:
        return None
    provider = provider_of(request)
    try:
        return read_hint(provider.keys, text, provider.authorizations.issuer)
    except NotGenuine:
        raise _cannot("id_token_hint is none of ours.") from None


def _onward(application: Application | None, sent: dict[str, str]) -> str | None:
    uri = sent.get("post_logout_redirect_uri")
    if uri is None:
        return None
    if application is None or uri not in application.logout_uris:
        raise _cannot("post_logout_redirect_uri must be exactly one of those registered for the application.")
    if "state" not in sent:
        return uri
    return f"{uri}{'&' if '?' in uri else '?'}{urlencode({'state': sent['state']})}"


def _read(text: bytes) -> Parameters:
    try:
        return parsed(text)
    except OAuthError:
        raise _cannot("The address cannot be read.") from None


def _cannot(why: str) -> PageProblem:
    text = f"{why} You are still logged in. Tell the people who run the application."
    return PageProblem("This logout cannot go on", text, 400, again="/logout")


def _to(url: str) -> Response:
    return RedirectResponse(url, 303, {"Cache-Control": "no-store"})
