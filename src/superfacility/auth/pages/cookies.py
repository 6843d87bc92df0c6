"""Our cookies. By https their names begin with `__Host-`: no other host and no plain http can set them for us."""

from enum import StrEnum

from fastapi import Request, Response

from superfacility.services.access.login import LoginService

_LONGEST = 4096


class Kind(StrEnum):
    """What a cookie is for."""

    SESSION = "sfapi_session"
    FORM = "sfapi_form"
    """Makes forms safe before there is a session."""
    FLOW = "sfapi_flow"
    """What is under way: a login that is half done, or one at an identity provider."""
    DEVICE = "sfapi_device"
    """A browser that has logged in before."""


def read(request: Request, kind: Kind) -> str | None:
    return request.cookies.get(_name(request, kind)) or None


def write(request: Request, response: Response, kind: Kind, value: str, seconds: int | None = None) -> None:
    """Without `seconds` it ends with the browser."""
    secure = login_of(request).secure
    name = _name(request, kind)
    assert len(name) + len(value) < _LONGEST, "browsers drop longer ones"
    response.set_cookie(name, value, seconds, path="/", secure=secure, httponly=True, samesite="lax")


def drop(request: Request, response: Response, kind: Kind) -> None:
    secure = login_of(request).secure
    response.delete_cookie(_name(request, kind), path="/", secure=secure, httponly=True, samesite="lax")


def login_of(request: Request) -> LoginService:
    found: LoginService = request.app.state.services.login
    return found


def _name(request: Request, kind: Kind) -> str:
    return f"__Host-{kind.value}" if login_of(request).secure else kind.value
