"""The device flow against a token service by the letters of RFC 8628."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest

from superfacility.client.calls.login import LoginCalls
from superfacility.client.credentials.device_flow import GRANT
from superfacility.client.errors import ConfigurationError, NotAuthenticated, NotPermitted, TimedOut
from superfacility.client.transport.messages import NotReached
from superfacility.client.wire.session import Session

Reply = Callable[..., Any]
METADATA = {
    "issuer": "https://api.example",
    "token_endpoint": "https://id.example/token",
    "device_authorization_endpoint": "https://id.example/device",
    "revocation_endpoint": "https://id.example/revoke",
}
CODE = {
    "device_code": "d-1",
    "user_code": "WDJB-MJHT",
    "verification_uri": "https://id.example/go",
    "verification_uri_complete": "https://id.example/go?user_code=WDJB-MJHT",
    "expires_in": 600,
    "interval": 3,
}


@pytest.fixture
def calls(transport: Any) -> LoginCalls:
    return LoginCalls(Session("https://api.example", transport, clock=transport.clock))


def error(reply: Reply, code: str) -> Any:
    return reply({"error": code, "error_description": f"words of {code}"}, 400)


async def test_it_asks_at_the_pace_of_the_server(calls: LoginCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply(METADATA), reply(CODE))
    code = await calls.begin_login("sfapi-cli", "tasks.task:read")
    assert (code.user_code, code.complete_uri) == ("WDJB-MJHT", CODE["verification_uri_complete"])
    assert "d-1" not in repr(code)
    pending = error(reply, "authorization_pending")
    transport.will(
        pending, error(reply, "slow_down"), NotReached("down"), reply({"access_token": "a", "refresh_token": "r"})
    )
    answer = await calls.finish_login(code, "sfapi-cli")
    assert answer["refresh_token"] == "r"
    assert transport.slept == [3, 3, 8, 16]
    assert [each.url for each in transport.asked] == [
        "https://api.example/.well-known/oauth-authorization-server",
        "https://id.example/device",
        *["https://id.example/token"] * 4,
    ]
    assert parse_qs(transport.asked[1].body.decode()) == {"client_id": ["sfapi-cli"], "scope": ["tasks.task:read"]}
    form = {"grant_type": [GRANT], "device_code": ["d-1"], "client_id": ["sfapi-cli"]}
    assert parse_qs(transport.asked[2].body.decode()) == form


@pytest.mark.parametrize(
    ("code", "kind"),
    [("access_denied", NotPermitted), ("expired_token", TimedOut), ("invalid_grant", NotAuthenticated)],
)
async def test_it_ends_when_the_person_or_the_server_ends_it(
    calls: LoginCalls, transport: Any, reply: Reply, code: str, kind: Any
) -> None:
    transport.will(reply(METADATA), reply(CODE), error(reply, code))
    with pytest.raises(kind):
        await calls.finish_login(await calls.begin_login("sfapi-cli"), "sfapi-cli")


async def test_a_code_that_nobody_enters_ends(calls: LoginCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply(METADATA), reply(CODE), *(error(reply, "authorization_pending") for _ in range(500)))
    with pytest.raises(TimedOut, match="sfapi login"):
        await calls.finish_login(await calls.begin_login("sfapi-cli"), "sfapi-cli")
    assert sum(transport.slept) <= 600


async def test_a_facility_without_logins_is_named(calls: LoginCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply({"token_endpoint": "x"}))
    with pytest.raises(ConfigurationError, match="offers no login"):
        await calls.begin_login("sfapi-cli")
    assert await calls.revoke_token("r", "sfapi-cli") is False


async def test_a_login_is_revoked(calls: LoginCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply(METADATA), reply(pieces=[]))
    assert await calls.revoke_token("r", "sfapi-cli") is True
    assert transport.asked[1].url == "https://id.example/revoke"
    assert parse_qs(transport.asked[1].body.decode())["token"] == ["r"]
