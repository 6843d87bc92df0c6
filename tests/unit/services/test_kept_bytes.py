"""Prepared bytes of one reading."""

from superfacility.services.compute.reading.answers import Answers


def test_what_was_used_last_stays():
    answers = Answers(limit=10)
    for name in ("a", "b"):
        answers.keep(name, b"12345")
    assert answers.get("a") == b"12345"
    answers.keep("c", b"12345")
    assert [answers.get(name) for name in ("a", "b", "c")] == [b"12345", None, b"12345"]


def test_what_is_larger_than_all_the_room_puts_nothing_out():
    answers = Answers(limit=10)
    answers.keep("page", b"12345")
    assert answers.keep("whole", b"x" * 11) == b"x" * 11
    assert answers.get("whole") is None
    assert answers.get("page") == b"12345"
