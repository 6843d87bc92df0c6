"""Finding the mark in a stream, however it is cut."""

import time
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from superfacility.adapters.ssh.output import MarkedStream

MARK = "0123456789abcdef"
END = b"\x1e" + MARK.encode() + b"   7\x1e"


@given(
    st.binary(max_size=200)
    | st.lists(st.sampled_from([b"\x1e", b"\x1e0123", END[:-1], b"x", MARK.encode()]), max_size=9).map(b"".join),
    st.lists(st.integers(0, 260), max_size=10),
    st.integers(0, 250),
)
@example(b"\x1e" * 20, [3, 7], 250)
@example(b"\x1e0123456789", [5], 4)
def test_all_that_comes_before_the_mark_is_passed_on_up_to_the_limit(said: bytes, cuts: list[int], limit: int) -> None:
    passed: list[bytes] = []
    stream = MarkedStream(MARK, limit, passed.append)
    whole = said + END
    places = sorted({0, len(whole), *(min(cut, len(whole)) for cut in cuts)})
    for begin, end in pairwise(places):
        stream.feed(whole[begin:end])
    expected = said.partition(END[: len(MARK) + 1])[0] if END[: len(MARK) + 1] in said else said
    assert stream.bytes == b"".join(passed)
    assert stream.bytes[: len(expected)] == expected[:limit]
    if expected == said:
        assert (stream.bytes, stream.code, stream.truncated) == (said[:limit], b"7", len(said) > limit)


def test_what_cannot_be_the_mark_is_passed_on_at_once() -> None:
    stream = MarkedStream(MARK, 100, None)
    stream.feed(b"line\n\x1enot a mark")
    assert stream.bytes == b"line\n\x1enot a mark"


def test_what_is_left_running_is_heard_after_the_mark() -> None:
    stream = MarkedStream(MARK, 100, None)
    stream.feed(b"a" + END + b"b")
    stream.feed(b"c" + END)
    assert (stream.bytes, stream.code) == (b"abc" + END, b"7")


def test_a_flood_of_beginnings_takes_no_time() -> None:
    stream = MarkedStream(MARK, 1000, None)
    begun = time.monotonic()
    for _ in range(300):
        stream.feed(b"\x1e" * 32_768)
    assert time.monotonic() - begun < 5
    stream.feed(END)
    assert (stream.code, stream.truncated) == (b"7", True)
