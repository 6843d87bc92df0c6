"""Passwords: how they are hashed, when they are hashed anew, and which are good enough."""

import unicodedata

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from superfacility.oauth.identity.passwords import HashCost, PasswordHashes, why_weak

CHEAP = HashCost(8, 1, 1)
GOOD = "green lamps sing loudly"


def test_without_a_choice_the_cost_is_what_the_rfc_recommends() -> None:
    """RFC 9106 section 4, second recommendation: Argon2id, 64 MiB, 3 passes, 4 lanes, a salt of 16 bytes."""
    found = extract_parameters(PasswordHashes().hash(GOOD))
    assert found.type is Type.ID
    assert (found.memory_cost, found.time_cost, found.parallelism) == (64 * 1024, 3, 4)
    assert (found.salt_len, found.hash_len) == (16, 32)


def test_a_hash_is_of_one_password_and_never_the_same_twice() -> None:
    hashes = PasswordHashes(CHEAP)
    one, other = hashes.hash(GOOD), hashes.hash(GOOD)
    assert one != other
    assert GOOD not in one
    assert hashes.fits(one, GOOD)
    assert hashes.fits(other, GOOD)
    assert not hashes.fits(one, GOOD.upper())
    assert not hashes.fits(one, "")


@pytest.mark.parametrize("encoded", ["", "x", "$argon2id$v=19$m=8,t=1,p=1$", "$2b$12$abcdefghijklmnopqrstuu", GOOD])
def test_what_is_no_hash_fits_nothing(encoded: str) -> None:
    assert not PasswordHashes(CHEAP).fits(encoded, GOOD)


def test_letters_that_keyboards_send_in_two_forms_are_one_password() -> None:
    hashes, text = PasswordHashes(CHEAP), "grüne Lampen über dem Fluß"
    encoded = hashes.hash(unicodedata.normalize("NFD", text))
    assert hashes.fits(encoded, unicodedata.normalize("NFC", text))


def test_a_password_that_no_encoding_can_write_is_only_wrong() -> None:
    hashes = PasswordHashes(CHEAP)
    assert not hashes.fits(hashes.hash(GOOD), "\ud800" * 12)


@pytest.mark.parametrize("cost", [HashCost(16, 1, 1), HashCost(8, 2, 1), HashCost(16, 1, 2)])
def test_another_cost_makes_old_hashes_outdated_and_they_still_fit(cost: HashCost) -> None:
    old = PasswordHashes(CHEAP).hash(GOOD)
    today = PasswordHashes(cost)
    assert today.outdated(old)
    assert today.fits(old, GOOD)
    assert not today.outdated(today.hash(GOOD))


@pytest.mark.parametrize(
    "password",
    [
        "short",
        "password1234",
        "P4ssw0rd!!!!",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "qwertyuiop12",
        "x" * 257,
        "ada lovelace 1",
    ],
)
def test_guesses_are_refused(password: str) -> None:
    assert why_weak(password, ("ada", "Ada", "Lovelace", "Example Facility")) is not None


@pytest.mark.parametrize("password", [GOOD, "seven herons over the quiet delta", "Xk3#vQ9!pLz7", "грозные лампы поют"])
def test_passwords_that_nobody_guesses_are_taken(password: str) -> None:
    assert why_weak(password, ("ada", "Ada", "Lovelace", "Example Facility")) is None
