"""Goal S18 for what openapi does not describe: whatever is sent to the token service and its pages is never a 5xx."""

import random
from urllib.parse import quote_from_bytes

import pytest
from fastapi.routing import iter_route_contexts

FIELDS = (
    *(
        "grant_type",
        "client_id",
        "client_assertion",
        "client_assertion_type",
        "scope",
        "code",
        "code_verifier",
        "token",
    ),
    *("redirect_uri", "refresh_token", "device_code", "user_code", "state", "nonce", "response_type", "request_uri"),
    *("code_challenge", "code_challenge_method", "prompt", "max_age", "id_token_hint", "post_logout_redirect_uri"),
    *("token_type_hint", "decision", "form_token", "query", "user", "password", "ticket", "next", "request", "claims"),
    *("login_hint", "resource", "audience", "dpop_jkt", "login_after", "\0", "", "a[b]", "__proto__"),
)
PIECES = (
    *("", "a", "0", "-1", "99999999999999999999", "1e309", "NaN", "null", "true", "openid", "S256", "none", "code"),
    *("authorization_code", "refresh_token", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"),
    *("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "urn:ietf:params:oauth:request_uri:x"),
    *("gateway000001", "https://gateway.example/callback", "http://[::1", "javascript:alert(1)", "//evil.example"),
    *(
        "eyJhbGciOiJub25lIn0.e30.",
        "a.b.c",
        "....",
        "{}",
        "[",
        "\x00",
        "\r\nX: y",
        "\ud800",
        "é",
        "😀",
        "%",
        "%00",
        "%zz",
    ),
    *("A" * 5000, "' OR 1=1 --", "{{7*7}}", "../../etc/passwd", "\u202e", "ﬀ", "١٢٣"),
)
HEADERS = ("Authorization", "DPoP", "Cookie", "Content-Type", "Origin", "Accept", "X-Forwarded-For", "Sec-Fetch-Site")
KINDS = ("application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x", "text/plain", "")


def text(dice: random.Random) -> str:
    return "".join(dice.choices(PIECES, k=dice.choice((1, 1, 1, 2, 3))))


def pairs(dice: random.Random) -> str:
    found = [(dice.choice(FIELDS), text(dice)) for _ in range(dice.randrange(8))]
    return "&".join(f"{name}={value}" for name, value in found)


def headers(dice: random.Random) -> list[tuple[bytes, bytes]]:
    found = [(b"content-type", dice.choice(KINDS).encode())]
    for name in dice.sample(HEADERS, dice.randrange(3)):
        value = dice.choice(("Bearer ", "DPoP ", "Basic ", "", "__Host-sfapi_session=")) + text(dice)
        found.append((name.lower().encode(), value.replace("\r\n", " ").encode("latin-1", "replace")))
    return found


@pytest.mark.parametrize("seed", range(10))
async def test_nonsense_is_refused_and_breaks_nothing(house, gateway, confidential, soak, seed):
    """An error that is not foreseen comes out of the application here, and fails the test."""
    dice = random.Random(seed)
    routes = [
        (method, route.path)
        for route in iter_route_contexts(house.app.router.routes)
        if route.path and not route.path.startswith(("/needs", "/docs", "/openapi", "/redoc"))
        for method in sorted(route.methods - {"HEAD"})
    ]
    assert len(routes) > 15
    async with house.http() as http:
        for _ in range(2000 if soak else 100):
            method, path = dice.choice(routes)
            query = pairs(dice).encode("utf-8", "replace")
            body = pairs(dice).encode("utf-8", "replace") if method != "GET" else b""
            request = http.build_request(
                method, path.replace("{", "").replace("}", ""), content=body, headers=headers(dice)
            )
            request.url = request.url.copy_with(query=quote_from_bytes(query, "=&%").encode())
            answer = await http.send(request)
            assert answer.status_code < 500, (method, path, query, body, answer.text)
