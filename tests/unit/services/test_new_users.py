"""What a new user takes over from an identity provider's claims."""

from typing import Any

import pytest

from superfacility.facility.people import UserName
from superfacility.services.access.login.mapping import ClaimMapping


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({}, "ada@example.org"),
        ({"email_verified": True}, "ada@example.org"),
        ({"email_verified": "true"}, "ada@example.org"),
        ({"email_verified": False}, ""),
        ({"email_verified": "false"}, ""),
        ({"email_verified": None}, ""),
    ],
)
def test_an_address_that_the_provider_has_not_verified_is_not_taken(said: dict[str, Any], kept: str) -> None:
    user = ClaimMapping().new_user(UserName("ada"), {"email": "ada@example.org", "given_name": "Ada", **said})
    assert (user.email, user.first_name) == (kept, "Ada")
