"""Secrets are cut out of what is logged, wherever they stand."""

import pytest

from superfacility.core.logging import redact

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJhYmMifQ.c2lnbmF0dXJl"
KEY = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\n-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"Bearer {TOKEN}", "Bearer [redacted]"),
        (f"/oauth2/token?client_assertion={TOKEN}&x=1", "/oauth2/token?client_assertion=[redacted]&x=1"),
        ("client_assertion=anything-else more", "client_assertion=[redacted] more"),
        (f"a {KEY} b", "a [redacted] b"),
        (f"cut short {KEY[:60]}", "cut short [redacted]"),
        ("nothing secret: eyJ.b.c", "nothing secret: eyJ.b.c"),
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str, shown: str) -> None:
    assert redact(text) == shown
