"""How everything that goes wrong looks on the wire: one table. Services never choose an HTTP status.

Routes whose bodies carry `status: OK|ERROR` catch `Refused` themselves and answer 200; one that slips through is 422.
"""

from collections.abc import Sequence
from typing import Any, cast

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.responses import JSONResponse

from superfacility.facility.errors import (
    Conflict,
    Doubtful,
    FacilityError,
    InvalidInput,
    NotFound,
    NotPermitted,
    Refused,
    TooMany,
    Unavailable,
    UnderWay,
    Unsupported,
)
from superfacility.http.request_facts import request_id
from superfacility.http.routing import UNLESS_SET
from superfacility.oauth.errors import AccessRefused

STATUS: dict[type[FacilityError], int] = {
    NotPermitted: 403,
    NotFound: 404,
    Conflict: 409,
    Doubtful: 409,  # never 503: clients repeat a POST on that without looking
    InvalidInput: 422,
    Refused: 422,
    Unsupported: 422,
    TooMany: 429,
    Unavailable: 503,
    FacilityError: 422,
}

log = structlog.get_logger(__name__)


def install(app: FastAPI) -> None:
    """Let the table answer for all routes of the application."""
    app.add_exception_handler(FacilityError, _facility_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(Exception, _unexpected)


def status_of(error: FacilityError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def error_response(error: FacilityError) -> JSONResponse:
    """Also for plain ASGI routes, which no exception handler covers."""
    headers = {}
    if isinstance(error, AccessRefused):
        headers["WWW-Authenticate"] = error.www_authenticate
    if isinstance(error, TooMany | Unavailable | UnderWay):
        headers["Retry-After"] = str(error.retry_after)
    return JSONResponse({"detail": _sendable(str(error))}, status_of(error), headers)


async def _facility_error(_: Request, error: Exception) -> JSONResponse:
    return error_response(cast("FacilityError", error))


async def _invalid_request(_: Request, error: Exception) -> JSONResponse:
    """What was wrong and where, without repeating what was sent."""
    found: Sequence[Any] = cast("RequestValidationError", error).errors()
    detail = [
        {"loc": [_sendable(part) for part in each["loc"]], "msg": _sendable(each["msg"]), "type": each["type"]}
        for each in found
    ]
    return JSONResponse({"detail": detail}, 422)


async def _unexpected(request: Request, error: Exception) -> JSONResponse:
    """Starlette raises the error again once this is sent; the request's id joins the answer to our log. `Edge` lies
    inside of this and cannot add its headers."""
    own_id = request_id(request.scope)
    number = own_id.decode()
    address = request.client.host if request.client else None
    log.error(
        "unexpected error",
        request_id=number,
        method=request.method,
        path=request.url.path,
        address=address,
        exc_info=error,
    )
    detail = f"Something went wrong on our side. Tell the facility's staff this number: {number}"
    answer = JSONResponse({"detail": detail}, 500)
    answer.raw_headers.extend((*UNLESS_SET, (b"x-request-id", own_id)))
    return answer


def _sendable(value: Any) -> Any:
    """Text that UTF-8 can carry: names of files may hold bytes that no character stands for."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value
