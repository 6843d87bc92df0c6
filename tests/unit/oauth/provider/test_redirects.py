"""Where people may be sent back to: what can be registered, and what matches."""

import pytest

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.provider.redirects import checked_redirect_uri, form_source, matches, origin

REGISTERED = "https://gateway.example/callback"
GOOD = [
    "https://gateway.example/callback",
    "https://gateway.example",
    "https://gateway.example/",
    "https://gateway.example:8443/cb",
    "https://gateway.example/cb?tenant=a",
    "https://xn--bcher-kva.example/cb",
    "https://192.0.2.7/cb",
    "https://[2001:db8::7]/cb",
    "https://localhost/cb",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:8080/cb",
    "http://[::1]/cb",
    "http://[::1]:9000/cb?x=1",
]
BAD = [
    "",
    "callback",
    "/callback",
    "//gateway.example/callback",
    "https:gateway.example/cb",
    "https:/gateway.example/cb",
    "https:///cb",
    "https://",
    "https://gateway.example/cb#",
    "https://gateway.example/cb#fragment",
    "https://user@gateway.example/cb",
    "https://user:password@gateway.example/cb",
    "https://gateway.example@evil.example/cb",
    "https://gateway.example%40evil.example/cb",
    "https://gateway.example\\@evil.example/cb",
    "https://gateway.example\\.evil.example/cb",
    "https://evil.example\\gateway.example/cb",
    "https://GATEWAY.example/cb",
    "HTTPS://gateway.example/cb",
    "https://gateway.example./cb",
    "https://.gateway.example/cb",
    "https://gateway..example/cb",
    "https://-gateway.example/cb",
    "https://gate_way.example/cb",
    "https://*.gateway.example/cb",
    "https://gateway.example/*",
    "https://gateway.example:443/cb",
    "https://gateway.example:0/cb",
    "https://gateway.example:/cb",
    "https://gateway.example:65536/cb",
    "https://gateway.example:080/cb",
    "https://gateway.example:8443:8443/cb",
    "https://gateway.example/a/../cb",
    "https://gateway.example/./cb",
    "https://gateway.example/..",
    "https://gateway.example//cb",
    "https://gateway.example/a//b",
    "https://gateway.example/%2e%2e/cb",
    "https://gateway.example/%2E%2E/cb",
    "https://gateway.example/a%2fb",
    "https://gateway.example/a%5cb",
    "https://gateway.example/%252e%252e/cb",
    "https://gateway.example/cb%00",
    "https://gateway.example/cb%0d%0aSet-Cookie:x",
    "https://gateway.example/cb?x=%0d%0aSet-Cookie:x",
    "https://gateway.example/cb\r\nSet-Cookie: x",
    "https://gateway.example/cb\t",
    " https://gateway.example/cb",
    "https://gateway.example/cb ",
    "https://gateway.example/c b",
    "https://gateway.example/%zz",
    "https://gateway.example/%",
    'https://gateway.example/"onload=',
    "https://gateway.example/<script>",
    "https://bücher.example/cb",
    "https://gаteway.example/cb",
    "https://gateway。example/cb",
    "https://ga\u200bteway.example/cb",
    "https://0x7f.1/cb",
    "https://127.1/cb",
    "https://0177.0.0.1/cb",
    "https://2130706433/cb",
    "https://[::ffff:192.0.2.7]/cb",
    "https://[2001:DB8::7]/cb",
    "https://[fe80::1%25eth0]/cb",
    "https://[v1.x]/cb",
    "https://gateway.example/cb?code=x",
    "https://gateway.example/cb?a=1&state=x",
    "https://gateway.example/cb?iss=x",
    "http://gateway.example/cb",
    "http://localhost/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.0.0.1@evil.example/cb",
    "http://127.0.0.1:80@evil.example/cb",
    "http://127.0.0.2/cb",
    "http://0.0.0.0/cb",
    "http://127.1/cb",
    "http://[::1].evil.example/cb",
    "http://[::]/cb",
    "http://127.0.0.1:99999/cb",
    "http://127.0.0.1:0/cb",
    "ftp://gateway.example/cb",
    "javascript:alert(1)",
    "javascript://gateway.example/%0aalert(1)",
    "data:text/html,x",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://gateway.example/1",
    "about:blank",
    "urn:ietf:wg:oauth:2.0:oob",
    "myapp:/cb",
    "myapp://cb",
    "https://gateway.example/" + "a" * 2000,
]
NATIVE = ["org.example.app:/callback", "org.example.app:/", "org.example.my-app:/cb?x=1"]
NOT_EVEN_NATIVE = [
    "org.example.app:callback",
    "org.example.app:",
    "ORG.example.app:/cb",
    "org.example.app:/../cb",
    "org.example.app:/cb#x",
    ".example:/cb",
    "1org.example:/cb",
    "javascript:/cb",
]
OTHERS = [
    "https://gateway.example/callback/",
    "https://gateway.example/callback?x=1",
    "https://gateway.example/callback?",
    "https://gateway.example/callback#",
    "https://gateway.example/callback/..",
    "https://gateway.example/callback/../callback",
    "https://gateway.example/Callback",
    "https://gateway.example/%63allback",
    "https://gateway.example/callbac%6b",
    "https://gateway.example:443/callback",
    "https://GATEWAY.example/callback",
    "https://gateway.example./callback",
    "https://gateway.example.evil.example/callback",
    "https://evil.example/https://gateway.example/callback",
    "https://user@gateway.example/callback",
    "http://gateway.example/callback",
    "https://gateway.example/callback ",
    "https://gateway.example\\callback",
    "https://gateway.example/callback%00",
    "https://gateway.example/callback\n",
    "//gateway.example/callback",
    "javascript:alert(1)//https://gateway.example/callback",
    "",
]


@pytest.mark.parametrize("uri", GOOD)
def test_what_leads_to_one_place_can_be_registered(uri: str) -> None:
    assert checked_redirect_uri(uri, public=False) == uri
    assert checked_redirect_uri(uri, public=True) == uri


@pytest.mark.parametrize("public", [False, True])
@pytest.mark.parametrize("uri", BAD)
def test_what_can_be_read_in_two_ways_cannot(uri: str, public: bool) -> None:
    with pytest.raises(InvalidInput):
        checked_redirect_uri(uri, public=public)


@pytest.mark.parametrize("uri", NATIVE)
def test_schemes_of_its_own_are_for_public_applications(uri: str) -> None:
    assert checked_redirect_uri(uri, public=True) == uri
    with pytest.raises(InvalidInput):
        checked_redirect_uri(uri, public=False)


@pytest.mark.parametrize("uri", NOT_EVEN_NATIVE)
def test_such_schemes_are_a_domain_written_backwards(uri: str) -> None:
    with pytest.raises(InvalidInput):
        checked_redirect_uri(uri, public=True)


@pytest.mark.parametrize("asked", OTHERS)
def test_only_the_same_text_matches(asked: str) -> None:
    assert matches(REGISTERED, REGISTERED)
    assert not matches(REGISTERED, asked)


@pytest.mark.parametrize(
    ("registered", "asked", "same"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb", True),
        ("http://127.0.0.1:8080/cb", "http://127.0.0.1:51004/cb", True),
        ("http://[::1]/cb", "http://[::1]:51004/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1/cb", True),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb?x=1", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb/", False),
        ("http://127.0.0.1/cb", "http://[::1]:51004/cb", False),
        ("http://127.0.0.1/cb", "http://localhost:51004/cb", False),
        ("http://127.0.0.1/cb", "https://127.0.0.1:51004/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.example/cb", False),
        ("http://127.0.0.1/cb", "http://127.0.0.1.evil.example/cb", False),
        ("https://gateway.example/cb", "https://gateway.example:8443/cb", False),
    ],
)
def test_the_port_of_a_loopback_address_may_differ(registered: str, asked: str, same: bool) -> None:
    assert matches(registered, asked) == same


@pytest.mark.parametrize(
    ("uri", "place", "source"),
    [
        ("https://gateway.example:8443/cb?x=1", "https://gateway.example:8443", "https://gateway.example:8443"),
        ("http://127.0.0.1:51004/cb", "http://127.0.0.1:51004", "http://127.0.0.1:51004"),
        ("http://[::1]:51004/cb", "http://[::1]:51004", "http:"),
        ("org.example.app:/cb", "org.example.app:", "org.example.app:"),
    ],
)
def test_people_and_browsers_are_told_where_it_leads(uri: str, place: str, source: str) -> None:
    assert origin(uri) == place
    assert form_source(uri) == source
