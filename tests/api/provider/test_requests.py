"""Requests for authorization that are wrong: told to the application, or to the person alone, never to anybody else."""

from urllib.parse import quote, urlsplit

import pytest

from superfacility.oauth.applications import Approval
from superfacility.oauth.scopes import SecurityLevel

from .conftest import API, CHALLENGE, GATEWAY_URI, ISSUER, VERIFIER

ELSEWHERE = [
    None,
    "",
    "https://evil.example/callback",
    "https://gateway.example/callback/",
    "https://gateway.example/callback?x=1",
    "https://gateway.example/callback#x",
    "https://gateway.example/callback/../evil",
    "https://gateway.example/%63allback",
    "https://gateway.example@evil.example/callback",
    "https://gateway.example.evil.example/callback",
    "https://gateway.example:443/callback",
    "https://GATEWAY.example/callback",
    "http://gateway.example/callback",
    "//gateway.example/callback",
    "javascript:alert(1)",
    "https://gateway.example/callback\r\nSet-Cookie: x=1",
    "https://gateway.example/callback\0",
    "https://gаteway.example/callback",
    ["https://gateway.example/callback", "https://gateway.example/callback"],
    ["https://gateway.example/callback", "https://evil.example/"],
    ["https://evil.example/", "https://gateway.example/callback"],
]


@pytest.mark.parametrize("uri", ELSEWHERE)
async def test_nobody_is_sent_anywhere_but_where_is_registered(house, gateway, uri):
    await house.log_in()
    for wrong in ({}, {"scope": "nonsense"}, {"prompt": "none"}):
        page = await house.get(house.url(gateway, redirect_uri=uri, **wrong))
        assert page.status == 400
        assert "location" not in page.answer.headers
        assert "refresh" not in page.answer.headers
        assert "evil" not in page.answer.text


@pytest.mark.parametrize("client_id", [None, "", "nobody", "gateway00000", "gateway000001 ", ["gateway000001", "x"]])
async def test_an_unknown_application_leads_nowhere(house, gateway, client_id):
    await house.log_in()
    page = await house.get(house.url(gateway, client_id=client_id))
    assert page.status == 400
    assert "location" not in page.answer.headers


async def test_one_that_staff_have_not_approved_leads_nowhere(house):
    for approval in (Approval.PENDING, Approval.REFUSED):
        waiting = await house.register(approval=approval)
        page = await house.get(house.url(waiting))
        assert (page.status, "location" in page.answer.headers) == (400, False)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "id_token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": ["code", "token"]}, "invalid_request"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"response_mode": "form_post"}, "invalid_request"),
        ({"request": "eyJhbGciOiJub25lIn0.e30."}, "request_not_supported"),
        ({"request_uri": "https://evil.example/request"}, "request_uri_not_supported"),
        ({"registration": "{}"}, "registration_not_supported"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "offline_access"}, "invalid_scope"),
        ({"scope": "openid nonsense"}, "invalid_scope"),
        ({"scope": "email"}, "invalid_scope"),
        ({"scope": "openid compute.jobs:write"}, "invalid_scope"),
        ({"scope": ["openid", "email"]}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": VERIFIER, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:42]}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": "!" * 43}, "invalid_request"),
        ({"code_challenge": [CHALLENGE, CHALLENGE]}, "invalid_request"),
        ({"nonce": "n" * 2001}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "1e3"}, "invalid_request"),
        ({"max_age": "١"}, "invalid_request"),
        ({"resource": "https://other.example/api"}, "invalid_target"),
        ({"resource": [API, API]}, "invalid_request"),
        ({"dpop_jkt": "short"}, "invalid_request"),
    ],
)
async def test_the_application_is_told_what_is_wrong(house, gateway, changes, error):
    """Before anybody has to log in."""
    page = await house.get(house.url(gateway, **changes), user=None)
    assert page.status == 303
    assert page.location.startswith(GATEWAY_URI + "?")
    assert page.sent["error"] == error
    assert (page.sent["state"], page.sent["iss"]) == ("a b&c=ß", ISSUER)
    assert urlsplit(page.location).fragment == ""


@pytest.mark.parametrize("state", ["", "x", "<script>", "a&code=evil", "ü%00", "a" * 2000, "\r\nSet-Cookie: x"])
async def test_state_comes_back_as_it_came(house, gateway, state):
    await house.log_in()
    page = await house.get(house.url(gateway, state=state, scope="nonsense"))
    assert page.sent.get("state", "") == state
    assert "set-cookie" not in page.answer.headers


async def test_state_may_be_left_out_but_comes_once(house, gateway):
    page = await house.get(house.url(gateway, state=None, scope="nonsense"))
    assert "state" not in page.sent
    for state in (["a", "b"], "a" * 2001):
        page = await house.get(house.url(gateway, state=state))
        assert page.sent["error"] == "invalid_request"
        assert "state" not in page.sent


async def test_a_query_that_is_registered_stays(house):
    application = await house.register(redirect_uris=("https://gateway.example/cb?tenant=a",))
    page = await house.get(house.url(application, scope="nonsense"))
    assert page.location.startswith("https://gateway.example/cb?tenant=a&error=")


async def test_the_resource_may_be_named(house, gateway):
    await house.log_in()
    assert (await house.get(house.url(gateway, resource=API))).status == 200


async def test_nothing_on_the_consent_page_is_believed(house):
    """Names and addresses come from whoever registered the application."""
    name = '<img src=x onerror="alert(1)">'
    evil = await house.register(name=name, homepage="https://gateway.example/'\"><script>")
    await house.log_in()
    page = await house.get(house.url(evil, state='"><script>alert(1)</script>'))
    assert page.status == 200
    assert "<img src=x" not in page.answer.text
    assert "<script" not in page.answer.text
    policy = page.answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://gateway.example;" in policy
    assert page.answer.headers["access-control-allow-origin"] == ISSUER


async def test_a_longer_address_than_can_be_kept_is_refused(house, gateway):
    page = await house.get(house.url(gateway, nonce="n" * 1990, state="s" * 1990), user=None)
    assert page.status == 414


async def test_red_power_is_named_as_such(house):
    red = await house.register(level=SecurityLevel.RED)
    await house.log_in()
    page = await house.get(house.url(red, scope="compute.jobs:write"))
    assert "submit and cancel jobs" in page.answer.text
    assert "delete all your files" in page.answer.text


async def test_garbage_is_no_server_error(house, gateway):
    await house.log_in()
    for query in ("%", "%ff=%fe", "a" * 5000, "&".join(f"a{n}=1" for n in range(60)), quote("client_id=x\0y"), "=&=&"):
        page = await house.get(f"/oauth2/authorize?{query}")
        assert page.status == 400
