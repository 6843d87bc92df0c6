"""Passwords: which are good enough (NIST SP 800-63B-4, section 3.1.1), and their hashes (Argon2id, RFC 9106)."""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 256
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "0123456789", "qwertzuiop", "azertyuiop")
_SWAPS = str.maketrans("013457$@!", "oieastsai")


def normal(password: str) -> str:
    """One form for letters that keyboards send in several."""
    return unicodedata.normalize("NFC", password)


def why_weak(password: str, own_words: Iterable[str] = ()) -> str | None:
    """What is wrong with a new password, in words for its owner; None if nothing is. `own_words` are the person's and
    the facility's names: guesses begin with them."""
    text = normal(password)
    if len(text) < SHORTEST:
        return f"Use at least {SHORTEST} characters. Several words in a row are easy to remember."
    if len(text) > LONGEST:
        return f"Use at most {LONGEST} characters."
    if _is_common(text):
        return "This is one of the first that others would guess. Choose words that do not belong together."
    if _is_monotonous(text):
        return "It repeats itself or runs along the keyboard. Choose several words that do not belong together."
    if _is_about(text, own_words):
        return "It is little more than your name or the facility's. Choose words that others do not know of you."
    return None


def _is_common(text: str) -> bool:
    """Whether a common word is all there is, but for digits and signs around it and letters written as digits."""
    lower = text.lower()
    forms = {re.sub(r"[\W_]", "", lower), re.sub(r"[\W\d_]", "", lower), re.sub(r"[\W_]", "", lower.translate(_SWAPS))}
    forms.add(re.sub(r"[\W\d_]+$", "", lower).translate(_SWAPS))
    return any(form in _common() or _twice(form) in _common() for form in forms)


def _twice(text: str) -> str:
    """What a text repeats, or the text itself."""
    half = len(text) // 2
    return text[:half] if text[:half] == text[half:] else text


def _is_monotonous(text: str) -> bool:
    lower = text.lower()
    if len(set(lower)) <= 4 or any(lower == (lower[:size] * len(lower))[: len(lower)] for size in (1, 2, 3, 4)):
        return True
    steps = sum(_neighbours(one, other) for one, other in pairwise(lower))
    return steps >= 0.75 * (len(lower) - 1)


def _neighbours(one: str, other: str) -> bool:
    return one == other or any(one + other in row or other + one in row for row in _ROWS)


def _is_about(text: str, own_words: Iterable[str]) -> bool:
    """Whether less is left without those words than makes a password."""
    rest = text.lower()
    for word in sorted({part for words in own_words for part in re.split(r"[\W_]+", words.lower())}, key=len)[::-1]:
        if len(word) >= 3:
            rest = rest.replace(word, "")
    return len(rest) != len(text) and len(re.sub(r"[\W\d_]", "", rest)) < 6


@cache
def _common() -> frozenset[str]:
    return frozenset(files(__package__).joinpath("common_passwords.txt").read_text("utf-8").split())


@dataclass(frozen=True, slots=True)
class HashCost:
    """What one guess costs. The default is RFC 9106's second recommended one."""

    memory_kib: int = 64 * 1024
    iterations: int = 3
    parallelism: int = 4


class PasswordHashes:
    """Slow on purpose: run it in a thread."""

    def __init__(self, cost: HashCost | None = None) -> None:
        cost = cost or HashCost()
        self._hasher = PasswordHasher(cost.iterations, cost.memory_kib, cost.parallelism, type=Type.ID)

    def hash(self, password: str) -> str:
        return self._hasher.hash(_bytes(password))

    def fits(self, encoded: str, password: str) -> bool:
        try:
            return self._hasher.verify(encoded, _bytes(password))
        except (VerificationError, InvalidHashError):
            return False

    def outdated(self, encoded: str) -> bool:
        """Whether it was made with other costs than today's."""
        return self._hasher.check_needs_rehash(encoded)


def _bytes(password: str) -> bytes:
    return normal(password[: 4 * LONGEST]).encode("utf-8", "surrogatepass")
