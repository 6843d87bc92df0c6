"""Server-sent events, however the bytes are cut."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from superfacility.client.wire.event_stream import EventReader, ServerSent

STREAM = (
    b"retry: 1500\nid: 7\n\n"
    b': alive\n\nid: 8\nevent: job\ndata: {"state":"R\xc3\xbcN"}\n\n'
    b':\nid: 9\n\nevent: end\r\ndata: {"size":\r\ndata: 1}\r\n\r\n'
)
EVENTS = [
    ServerSent("7"),
    ServerSent("8", "job", {"state": "RüN"}),
    ServerSent("9"),
    ServerSent("9", "end", {"size": 1}),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=30).map(sorted))
def test_events_are_the_same_however_they_are_cut(cuts: list[int]) -> None:
    reader, found = EventReader(), []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += reader.feed(STREAM[begin:end])
    assert found == EVENTS
    assert (reader.last_id, reader.retry) == ("9", 1.5)


def test_half_an_event_of_a_lost_connection_is_forgotten() -> None:
    reader = EventReader("3")
    assert list(reader.feed(b'id: 4\ndata: {"a":')) == []
    reader.begin()
    assert list(reader.feed(b'id: 5\ndata: {"b":2}\n\n')) == [ServerSent("5", "message", {"b": 2})]


def test_an_event_without_an_id_keeps_the_last_one() -> None:
    reader: Any = EventReader("11")
    assert list(reader.feed(b"event: end\ndata: {}\n\n")) == [ServerSent("11", "end", {})]
