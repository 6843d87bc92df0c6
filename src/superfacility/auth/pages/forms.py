"""Forms that only our own pages can send.

Two proofs: the browser says where the form came from (Origin, Sec-Fetch-Site), and the form carries a token made from
the secret of the session, or of a cookie that stands in for it before there is a session.
"""

import hashlib
import hmac
import secrets
from urllib.parse import parse_qsl

from fastapi import Request, Response

from superfacility.auth.pages import cookies
from superfacility.auth.pages.problems import PageProblem
from superfacility.oauth.logins import LoginSession

FIELD = "form_token"
_LARGEST = 64 * 1024
_MOST_FIELDS = 100
_TYPE = "application/x-www-form-urlencoded"


def form_token(session: LoginSession | str) -> str:
    """Goes into each form as `form_token`. A string is the secret of the cookie before there is a session."""
    key = session.encode() if isinstance(session, str) else bytes.fromhex(session.key)
    return hmac.new(key, b"superfacility form", hashlib.sha256).hexdigest()


async def checked_form(request: Request, session: LoginSession | str | None) -> dict[str, str]:
    """The fields of a form that one of our pages sent for this session. `PageProblem` for anything else."""
    _check_origin(request)
    fields = await _fields(request)
    sent = fields.pop(FIELD, "")
    if session is None or not hmac.compare_digest(sent.encode("utf-8", "replace"), form_token(session).encode()):
        raise _stale()
    return fields


def visitor(request: Request) -> str | None:
    """The secret that stands in for a session before there is one."""
    return cookies.read(request, cookies.Kind.FORM)


def new_visitor() -> str:
    return secrets.token_urlsafe(32)


def keep_visitor(request: Request, response: Response, secret: str) -> Response:
    if visitor(request) != secret:
        cookies.write(request, response, cookies.Kind.FORM, secret)
    return response


def _check_origin(request: Request) -> None:
    """Browsers name the page's origin with every form; programs that are no browser have no cookies to be robbed of."""
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    ours = cookies.login_of(request).origins
    if (origin is not None and origin not in ours) or (origin is None and site not in (None, "same-origin")):
        raise PageProblem("This form came from another site", "Nothing was done. Begin again on our own pages.", 403)


async def _fields(request: Request) -> dict[str, str]:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LARGEST:
            raise PageProblem("This form is too large", "Nothing was done.", 413)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise _unreadable()
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise _unreadable() from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise _unreadable()
    return fields


def _stale() -> PageProblem:
    text = "It was open for too long, or you have logged in or out meanwhile. Nothing was done: begin again."
    return PageProblem("This page is out of date", text, 403)


def _unreadable() -> PageProblem:
    return PageProblem("This form cannot be read", "Nothing was done. Begin again on our own pages.", 400)
