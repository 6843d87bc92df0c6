"""Where an application may send people back to: what may be registered, and what matches it.

A redirect leads a secret out of here, so nothing about it is interpreted: what is registered is one canonical text, and
a request matches it as text (RFC 9700 section 2.1). Only the port of a loopback address may differ, because a native
program gets it from its system (RFC 8252 section 7.3).
"""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from superfacility.facility.errors import InvalidInput

MAX_LENGTH = 2000

_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()+,;=%-]+", re.ASCII)
_LOOPBACK = re.compile(r"http://(?P<host>127\.0\.0\.1|\[::1\])(?::(?P<port>[0-9]{1,5}))?(?P<rest>[/?].*)?", re.ASCII)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}", re.ASCII)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9a-f:.]+\]|[^:\[\]@%]+)(?::(?P<port>[1-9][0-9]{0,4}))?", re.ASCII)
_PRIVATE_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(?:\.[a-z0-9+-]+)+", re.ASCII)
_CODED = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)
_HIDDEN = re.compile(r"%(?:2e|2f|5c|25|00|0a|0d|3a|40|23|3f)", re.IGNORECASE | re.ASCII)


def checked_redirect_uri(uri: str, *, public: bool) -> str:
    """The same text, fit to be registered, or `InvalidInput`. `public`: a program on people's own machines."""
    _check_text(uri)
    scheme, colon, rest = uri.partition(":")
    if scheme == "https" and rest.startswith("//"):
        _check_authority(uri)
    elif scheme == "http" and rest.startswith("//"):
        _check_loopback(uri)
    elif not public or not colon or _PRIVATE_SCHEME.fullmatch(scheme) is None or not rest.startswith("/"):
        raise _bad(
            uri,
            "begin it with https://, http://127.0.0.1 or http://[::1], or, for a public application, with a scheme "
            "that is a domain of yours written backwards, as in org.example.app:/callback",
        )
    _check_path(uri)
    return uri


def matches(registered: str, asked: str) -> bool:
    """Whether a request may be answered there."""
    if registered == asked:
        return True
    one, other = _LOOPBACK.fullmatch(registered), _LOOPBACK.fullmatch(asked)
    if one is None or other is None or not 0 < int(other["port"] or 80) < 65536:
        return False
    return (one["host"], one["rest"]) == (other["host"], other["rest"])


def origin(uri: str) -> str:
    """`https://host:port`, or `scheme:` for a private one: what people are shown, and what a page may submit to."""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def form_source(uri: str) -> str:
    """How Content-Security-Policy names the place that a form leads to; it knows no IPv6."""
    place = origin(uri)
    return "http:" if place.startswith("http://[") else "https:" if place.startswith("https://[") else place


def _check_text(uri: str) -> None:
    if not 0 < len(uri) <= MAX_LENGTH:
        raise _bad(uri, f"it has 1 to {MAX_LENGTH} characters")
    if "#" in uri:
        raise _bad(uri, "it has no fragment (#)")
    if _CHARACTERS.fullmatch(uri) is None:
        raise _bad(uri, "write it in ASCII without spaces, backslashes, quotes, asterisks; names of hosts as xn--…")
    if _CODED.search(uri):
        raise _bad(uri, "a % is followed by two hexadecimal digits")


def _check_authority(uri: str) -> None:
    authority = re.split(r"[/?]", uri.removeprefix("https://"), maxsplit=1)[0]
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise _bad(uri, "after https:// come a host in lower case and perhaps a port, without a name or password")
    host = match["host"]
    if host.startswith("["):
        _check_address(uri, host[1:-1])
    elif _HOST.fullmatch(host) is None or len(host) > 253:
        raise _bad(uri, "the host is a name in lower case without a final dot")
    elif re.fullmatch(r"(?:0x[0-9a-f]*|[0-9]+)", host.rpartition(".")[2]):
        _check_address(uri, host)
    if int(match["port"] or 443) > 65535 or match["port"] == "443":
        raise _bad(uri, "the port is at most 65535, and 443 is left out")


def _check_address(uri: str, text: str) -> None:
    try:
        if str(ip_address(text)) == text:
            return
    except ValueError:
        pass
    raise _bad(uri, "an address as host is written in its ordinary form")


def _check_loopback(uri: str) -> None:
    match = _LOOPBACK.fullmatch(uri)
    if match is None:
        raise _bad(uri, "without encryption only http://127.0.0.1 and http://[::1] can be reached; not localhost")
    if match["port"] is not None and (match["port"].startswith("0") or int(match["port"]) > 65535):
        raise _bad(uri, "the port is a number from 1 to 65535; best leave it out, any is accepted")


def _check_path(uri: str) -> None:
    path, _, query = uri.partition("?")
    if _HIDDEN.search(path) or re.search(r"%(?:00|0a|0d)", query, re.IGNORECASE):
        raise _bad(uri, "it has no coded dots, slashes, percent signs or control characters")
    if any(part in (".", "..") for part in path.split("/")) or "//" in path.partition(":")[2].removeprefix("//"):
        raise _bad(uri, "its path has no empty parts, `.` or `..`")
    if re.search(r"(?:^|&)(?:code|state|iss|error|error_description|error_uri|response)=", query):
        raise _bad(uri, "its query has no parameter that we answer with (code, state, iss, error)")


def _bad(uri: str, why: str) -> InvalidInput:
    return InvalidInput(f"{uri[:200]!r} cannot be a redirect URI: {why}.")
