"""Sealed text: secrets of second factors at rest, and cookies of logins under way."""

import pytest

from superfacility.oauth.identity.sealing import Sealer

SEALER = Sealer(b"k" * 32)
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_what_was_sealed_opens_again_and_shows_nothing() -> None:
    sealed = SEALER.seal(SECRET, "totp ada")
    assert SECRET not in sealed
    assert SEALER.open(sealed, "totp ada") == SECRET
    assert SEALER.seal(SECRET, "totp ada") != sealed


def test_a_secret_opens_for_its_own_person_alone() -> None:
    """Whoever can write to the database cannot give one person the telephone of another."""
    assert SEALER.open(SEALER.seal(SECRET, "totp ada"), "totp emil") is None


def test_another_installation_opens_nothing() -> None:
    assert Sealer(b"j" * 32).open(SEALER.seal(SECRET, "totp ada"), "totp ada") is None


def test_a_changed_bit_opens_nothing() -> None:
    sealed = SEALER.seal(SECRET, "totp ada")
    for place in range(len(sealed) - 1):
        other = "A" if sealed[place] != "A" else "B"
        assert SEALER.open(sealed[:place] + other + sealed[place + 1 :], "totp ada") is None


@pytest.mark.parametrize("text", ["", "A", "é", "=" * 8, "not sealed at all", "A" * 10_000, "\ud800"])
def test_what_was_never_sealed_opens_nothing(text: str) -> None:
    assert SEALER.open(text, "totp ada") is None


def test_marks_are_equal_for_equal_texts_of_one_kind_and_key() -> None:
    assert SEALER.mark("a", "x") == SEALER.mark("a", "x")
    others = {SEALER.mark("b", "x"), SEALER.mark("a", "y"), Sealer(b"j" * 32).mark("a", "x")}
    assert len(others) == 3
    assert SEALER.mark("a", "x") not in others
