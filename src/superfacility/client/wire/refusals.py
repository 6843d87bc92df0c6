"""What an answer that is no success means, in the words of the server."""

import json
from collections.abc import Mapping
from typing import Any

from superfacility.client.errors import (
    ConfigurationError,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
    NotPermitted,
    Refused,
    SuperfacilityError,
    Unavailable,
)

BUSY = frozenset({429, 502, 503, 504})
"""Answers after which the same request may work."""


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> SuperfacilityError:
    """The error for an answer from 400 on."""
    words = _words(body) or f"The server answered {status}."
    error: SuperfacilityError
    if status in {401, 403}:
        error = _of_access(words, headers, status)
    elif status == 404:
        error = NotFound(words)
    elif status in BUSY:
        error = Unavailable(words)
        error.retry_after = retry_after(headers)
    elif status >= 500:
        error = SuperfacilityError(words)
    else:
        error = Refused(words) if status == 409 else InvalidRequest(words)
    error.status = status
    error.request_id = headers.get("x-request-id")
    return error


def untrusted(host: str, words: str) -> ConfigurationError:
    """A server that could not prove who it is; what to do depends on why."""
    if "ostname mismatch" in words or "IP address mismatch" in words:
        advice = "It is the certificate of another host. Is the address right? Never go on if you are not sure."
    elif "expired" in words or "not yet valid" in words:
        advice = "Is the clock of this machine right? If so, the facility's staff must renew it."
    else:
        advice = (
            "If the facility has a CA of its own, ask its staff for the certificate, and name the file: ca_file of the "
            "facility in config.toml, or SSL_CERT_FILE. A proxy that looks into connections needs the same."
        )
    return ConfigurationError(f"The certificate of {host} is not trusted ({words}). {advice}")


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; dates, which our servers do not send, are left alone."""
    text = headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdecimal() else None


def token_is_refused(error: SuperfacilityError) -> bool:
    """Whether another token may be let in."""
    return isinstance(error, NotAuthenticated) and error.expired


def _of_access(words: str, headers: Mapping[str, str], status: int) -> SuperfacilityError:
    """Services of other make say no more than `Not authenticated` of a token that has ended."""
    challenge = headers.get("www-authenticate", "").lower()
    if status == 401 or 'error="invalid_token"' in challenge or words == "Not authenticated":
        error = NotAuthenticated(words)
        error.expired = 'error="insufficient_scope"' not in challenge
        return error
    return NotPermitted(words)


def _words(body: bytes) -> str:
    try:
        content = json.loads(body)
    except ValueError:
        return ""
    if not isinstance(content, dict):
        return ""
    detail = content.get("detail") or content.get("error_description") or content.get("error")
    if isinstance(detail, list):
        return "; ".join(_place(each) for each in detail)
    return str(detail or "")


def _place(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    where = ".".join(str(part) for part in problem.get("loc", [])[1:])
    return f"{where}: {problem.get('msg')}" if where else str(problem.get("msg"))


def checked(content: Mapping[str, Any], request_id: str | None) -> Mapping[str, Any]:
    """A body with `status: OK|ERROR`; `Refused` for the latter, `NotFound` where the words say so."""
    if content.get("status") != "ERROR":
        return content
    words = str(content.get("error") or content.get("reason") or "It was refused without words.").rstrip()
    kind = NotFound if "No such file or directory" in words else Refused
    raise kind(words, status=200, request_id=request_id)
