"""The authorization endpoint and its consent page."""

import re
from datetime import datetime
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from superfacility.auth.messages import Parameters, parsed
from superfacility.auth.pages import PageProblem, checked_form, form_token, page, page_router, signed_in
from superfacility.auth.pages.cookies import login_of
from superfacility.auth.pages.targets import safe_target
from superfacility.auth.provider.context import count_stranger, in_words, one_of, owner_in_words, provider_of
from superfacility.http.security import caller_address
from superfacility.oauth.errors import OAuthError
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.authorization import NoWayBack, SentBack
from superfacility.oauth.provider.redirects import form_source, origin
from superfacility.oauth.server_metadata import AUTHORIZE_PATH
from superfacility.services.access.provider import Asked, AuthorizationService, Step

CONSENT_PATH = "/oauth2/consent"
LOGIN_PATH = "/login"
_OURS = re.compile(r"&login_after=[0-9]*")

router = page_router()


@router.get(AUTHORIZE_PATH)
async def authorize(request: Request) -> Response:
    """Leads on to the login page, to the consent page, or back to the application (RFC 6749 section 4.1)."""
    count_stranger(request)
    return await _answered(request, request.scope["query_string"].decode("latin-1"), decision="")


@router.post(AUTHORIZE_PATH)
async def authorize_by_form(request: Request) -> Response:
    """OpenID Connect Core section 3.1.2.1 wants this, too. The form comes from another site, so nobody is taken to be
    logged in: the browser asks again by GET."""
    count_stranger(request)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > 8192:
            raise PageProblem("This request is too large", "Tell the people who run the application.", 413)
    _read(body.decode("latin-1"))
    return _to(request, f"{AUTHORIZE_PATH}?{body.decode('latin-1')}")


@router.post(CONSENT_PATH)
async def consent(request: Request) -> Response:
    """What the person has answered."""
    session = await signed_in(request)
    fields = await checked_form(request, session)
    decision = one_of(fields, "decision", "allow", "deny")
    if not decision:
        raise PageProblem("This form has no answer", "Nothing was allowed. Go back and choose.", 400)
    return await _answered(request, fields.get("request", ""), decision=decision)


async def _answered(request: Request, query: str, *, decision: str) -> Response:
    service = provider_of(request).authorizations
    try:
        asked = await service.ask(_read(query))
        session = await signed_in(request)
        step = await service.step(asked, session)
        if session is None or step in (Step.LOGIN, Step.LOGIN_AGAIN):
            return _to_login(request, service, asked, query, step)
        if decision == "deny":
            return _to(request, service.deny(asked))
        if step is Step.CONSENT and decision != "allow":
            return _consent_page(request, asked, session, query)
        return _to(request, await service.allow(asked, session, caller_address(request)))
    except NoWayBack as wrong:
        raise PageProblem("This login cannot go on", str(wrong), 400) from None
    except SentBack as wrong:
        return _to(request, service.refuse(wrong))


def _read(query: str) -> Parameters:
    try:
        return parsed(query.encode("latin-1", "replace"))
    except OAuthError:
        text = "The address that brought you here cannot be read. Tell the people who run the application."
        raise PageProblem("This login cannot go on", text, 400) from None


def _to_login(request: Request, service: AuthorizationService, asked: Asked, query: str, step: Step) -> Response:
    """Back here afterwards. Where an older login does not count, the address says how old it may be."""
    wanted = asked.request
    anew = step is Step.LOGIN_AGAIN or bool(wanted.prompt & {"login", "select_account"})
    if anew and (wanted.after is None or not service.holds(wanted.after)):
        query = _OURS.sub("", query) + f"&login_after={int(service.clock.now().timestamp())}"
    target = safe_target(f"{AUTHORIZE_PATH}?{query}")
    if target is None:
        text = "The program that sent you here asks for too much at once. Tell the people who run it."
        raise PageProblem("This address is too long", text, 414)
    parameters = {"again": "1", "next": target} if anew else {"next": target}
    return _to(request, f"{LOGIN_PATH}?{urlencode(parameters)}")


def _consent_page(request: Request, asked: Asked, session: LoginSession, query: str) -> Response:
    wanted, service = asked.request, provider_of(request).authorizations
    application, redirect_uri = wanted.application, wanted.target.redirect_uri
    return page(
        request,
        "consent.html",
        form_action=form_source(redirect_uri),
        token=form_token(session),
        action=CONSENT_PATH,
        query=query,
        user=session.user,
        application=application,
        owner=owner_in_words(application),
        destination=origin(redirect_uri),
        local=not redirect_uri.startswith("https://"),
        until=_until(service.expires_at(wanted, session)),
        offline="offline_access" in wanted.identity,
        **in_words(wanted.scopes, wanted.identity),
    )


def _until(moment: datetime) -> str:
    return moment.strftime("%A %d %B %Y, %H:%M UTC")


def _to(request: Request, url: str) -> Response:
    """303: whatever the method was, go there by GET (RFC 9700 section 4.12). No other site may read the answer."""
    ours = login_of(request).origins[0]
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "Access-Control-Allow-Origin": ours}
    return RedirectResponse(url, 303, headers)
