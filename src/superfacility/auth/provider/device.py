"""The pages where people type the code that a device shows them."""

from fastapi import Request, Response

from superfacility.auth.pages import PageProblem, checked_form, form_token, page, page_router, signed_in, to_login
from superfacility.auth.provider.context import count_stranger, in_words, one_of, owner_in_words, provider_of
from superfacility.facility.errors import FacilityError, NotFound
from superfacility.http.errors import status_of
from superfacility.http.security import caller_address
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.provider.secrets import plain_user_code, shown_user_code
from superfacility.oauth.server_metadata import VERIFICATION_PATH
from superfacility.services.access.provider import Waiting

DECISION_PATH = f"{VERIFICATION_PATH}/decision"

router = page_router()


@router.get(VERIFICATION_PATH)
async def ask_code(request: Request) -> Response:
    """A code in the address is filled in, but never taken without a look: whoever sent the link may not be whom one
    thinks (RFC 8628 section 5.4)."""
    count_stranger(request)
    session = await signed_in(request)
    if session is None:
        return to_login(request)
    code = plain_user_code(request.query_params.get("user_code", ""))
    return _code_page(request, session, "" if code is None else shown_user_code(code))


@router.post(VERIFICATION_PATH)
async def show_device(request: Request) -> Response:
    """What waits behind the code."""
    session, fields = await _form(request)
    text = fields.get("user_code", "")
    try:
        waiting = await provider_of(request).devices.look(session, text)
    except FacilityError as wrong:
        return _code_page(request, session, text[:20], wrong)
    return _device_page(request, session, waiting)


@router.post(DECISION_PATH)
async def decide(request: Request) -> Response:
    """The person's answer."""
    session, fields = await _form(request)
    decision = one_of(fields, "decision", "allow", "deny")
    if not decision:
        raise PageProblem("This form has no answer", "Nothing was allowed. Go back and choose.", 400)
    allow = decision == "allow"
    code, address = fields.get("user_code", ""), caller_address(request)
    try:
        waiting = await provider_of(request).devices.decide(session, code, address, allow=allow)
    except NotFound as gone:
        raise PageProblem("This device waits no longer", str(gone), 404, again=VERIFICATION_PATH) from None
    return page(request, "device-done.html", allowed=allow, application=waiting.application)


async def _form(request: Request) -> tuple[LoginSession, dict[str, str]]:
    count_stranger(request)
    session = await signed_in(request)
    fields = await checked_form(request, session)
    assert session is not None, "else the form is refused"
    return session, fields


def _code_page(request: Request, session: LoginSession, code: str, wrong: FacilityError | None = None) -> Response:
    status = 200 if wrong is None else status_of(wrong)
    return page(
        request,
        "device.html",
        status=status,
        token=form_token(session),
        action=VERIFICATION_PATH,
        code=code,
        user=session.user,
        wrong=None if wrong is None else str(wrong),
    )


def _device_page(request: Request, session: LoginSession, waiting: Waiting) -> Response:
    asked = waiting.request
    return page(
        request,
        "device-confirm.html",
        token=form_token(session),
        action=DECISION_PATH,
        code=waiting.code,
        user=session.user,
        application=waiting.application,
        owner=owner_in_words(waiting.application),
        address=asked.address,
        here=asked.address == caller_address(request),
        since=asked.created_at.strftime("%H:%M:%S UTC"),
        until=waiting.expires_at.strftime("%A %d %B %Y, %H:%M UTC"),
        offline="offline_access" in asked.identity,
        **in_words(asked.scopes, asked.identity),
    )
