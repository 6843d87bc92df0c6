"""Goal S12: one request is one request, whoever stands before us, and headers say nothing about who calls."""

import json
from typing import Any

import pytest

from superfacility.testing.hostile_requests import AMBIGUOUS, GET, HIDDEN


@pytest.mark.parametrize("sent", AMBIGUOUS.values(), ids=AMBIGUOUS.keys())
def test_what_two_readers_could_read_differently_is_refused(wire: Any, sent: bytes) -> None:
    heard = wire.exchange(sent)
    assert heard.startswith(b"HTTP/1.1 400 "), heard
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in heard


@pytest.mark.parametrize(
    "sent",
    [
        GET + b"Connection: close\r\n\r\n" + HIDDEN,
        GET + b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(HIDDEN) + HIDDEN,
        GET
        + b"Connection: upgrade, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
        + HIDDEN,
        GET.replace(b"HTTP/1.1", b"HTTP/1.0") + b"\r\n" + HIDDEN,
    ],
    ids=["after the last", "in the body of a GET", "after an upgrade", "after HTTP/1.0"],
)
def test_nothing_is_answered_behind_the_last_request(wire: Any, sent: bytes) -> None:
    heard = wire.exchange(sent)
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"smuggled" not in heard


@pytest.fixture(scope="module")
def token(served: Any) -> str:
    """A red client's of demo1."""
    found: str = served.token(json.loads(served.key().read_text()))
    return found


def asked(wire: Any, *headers: str, line: str = "GET /api/v1.2/account HTTP/1.1") -> tuple[int, str]:
    """Status, and the answer with its headers."""
    lines = [line, *(headers if any(each.startswith("Host:") for each in headers) else ("Host: x", *headers))]
    heard = wire.exchange("\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")).decode()
    return int(heard.split(" ", 2)[1]), heard


def test_one_authorization_is_one_too_few_if_there_are_two(wire: Any, token: str) -> None:
    mine, none = f"Authorization: Bearer {token}", "Authorization: Bearer none"
    assert asked(wire, mine)[0] == 200
    for both in ((mine, none), (none, mine), (mine, mine), (mine, none.lower())):
        assert asked(wire, *both)[0] == 403
    assert asked(wire, f"Authorization: Bearer {token}, Bearer none")[0] == 403
    assert asked(wire, f"Proxy-Authorization: Bearer {token}")[0] == 403


NAMES = (
    *("X-SLURM-USER-NAME", "X-SLURM-USER-TOKEN", "X-Remote-User", "Remote-User", "X-Forwarded-User", "X-Auth-User"),
    *("X-User", "X-Authenticated-User", "X-Forwarded-Email", "X-Original-User", "X-WEBAUTH-USER", "From", "Cookie"),
)


@pytest.mark.parametrize("name", NAMES)
def test_no_header_says_who_calls(wire: Any, token: str, name: str) -> None:
    for value in ("root", "staff", "demo2", "uid=0"):
        assert asked(wire, f"{name}: {value}")[0] == 403
        status, heard = asked(wire, f"Authorization: Bearer {token}", f"{name}: {value}")
        assert status == 200
        assert '"name":"demo1"' in heard


OVERRIDES = ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override")
REWRITES = ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path", "X-Forwarded-Prefix", "X-Original-URI")


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_header_makes_a_read_a_change(wire: Any, token: str, name: str) -> None:
    line = "GET /api/v1.2/tasks/999999?_method=DELETE HTTP/1.1"
    plain, overridden = (
        asked(wire, f"Authorization: Bearer {token}", *more, line=line) for more in ((), (f"{name}: DELETE",))
    )
    assert plain[0] == overridden[0] == 404
    posted = asked(wire, f"{name}: GET", "Content-Length: 0", line="POST /api/v1.2/status/perlmutter HTTP/1.1")
    assert posted[0] == 405


@pytest.mark.parametrize("name", REWRITES)
def test_no_header_changes_the_path(wire: Any, name: str) -> None:
    status, heard = asked(wire, f"{name}: /api/v1.2/meta/config", line="GET /api/v1.2/status/perlmutter HTTP/1.1")
    assert status == 200
    assert '"full_name"' in heard


def test_no_host_changes_what_we_say_of_ourselves(wire: Any, served: Any) -> None:
    """Neither the issuer nor any link is made from what the caller says."""
    line = "GET /.well-known/oauth-authorization-server HTTP/1.1"
    evil = ("Host: evil.example", "X-Forwarded-Host: evil.example", "Forwarded: host=evil.example;proto=https")
    status, heard = asked(wire, *evil, "X-Forwarded-Proto: https", line=line)
    assert status == 200
    assert "evil" not in heard
    assert served.token_url in heard
    whole = line.replace("GET ", "GET http://evil.example")
    assert "evil" not in asked(wire, line=whole)[1]
    for path in ("/account", "/oauth2/authorize?client_id=x", "/login?next=//evil.example", "/api/v1.2/", "/logout"):
        assert "evil.example" not in asked(wire, *evil, line=f"GET {path} HTTP/1.1")[1].replace("next=//evil", "")


BREAKS = ("%0d%0aX-Injected:%20yes", "%0aX-Injected:%20yes", "%E5%98%8A%E5%98%8DX-Injected:%20yes", "%00X-Injected")
ECHOING = (
    "/api/v1.2/status/{}",
    "/api/v1.2/status?x={}",
    "/{}",
    "/login?next=/{}",
    "/login/with/{}",
    "/login/callback/{}?state={}",
    "/oauth2/authorize?client_id={}&redirect_uri={}&state={}",
    "/oauth2/logout?post_logout_redirect_uri={}&state={}",
    "/oauth2/device?user_code={}",
    "/password?ticket={}",
    "/.well-known/oauth-protected-resource/{}",
)


@pytest.mark.parametrize("path", ECHOING)
def test_no_line_break_gets_into_a_head(wire: Any, path: str) -> None:
    for text in BREAKS:
        status, heard = asked(wire, "X-Request-ID: a" + text, line=f"GET {path.replace('{}', text)} HTTP/1.1")
        assert status < 500
        head = heard.partition("\r\n\r\n")[0]
        assert not any(each.lower().startswith("x-injected") for each in head.splitlines())
        assert all(":" in each for each in head.split("\r\n")[1:])
