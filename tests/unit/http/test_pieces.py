"""Answers in pieces: any gzip reader reads them, whatever the end."""

import gzip
import zlib

import pytest

from superfacility.http.pieces import OpenGzip, Pieces


@pytest.mark.parametrize("tail", [b"", b"}", b"an end " * 5000])
@pytest.mark.parametrize("pieces", [(b"",), (b"[", b"rows " * 10_000)])
def test_one_gzip_is_ended_in_several_ways(pieces, tail):
    packed = OpenGzip.of(*pieces)
    whole = b"".join(packed.closed(tail))
    assert gzip.decompress(whole) == b"".join(pieces) + tail
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)  # as clients do that read one member only
    assert reader.decompress(whole) == b"".join(pieces) + tail
    assert reader.eof
    assert gzip.decompress(b"".join(packed.closed(b"another"))) == b"".join(pieces) + b"another"


async def test_pieces_are_sent_as_they_are_with_their_length():
    sent = []
    rows = b"x" * 100_000

    async def send(message):
        sent.append(message)

    await Pieces((b"[", rows, b"]"), media_type="application/json", headers={"etag": "W/1"})({}, None, send)
    headers = dict(sent[0]["headers"])
    assert (headers[b"content-length"], headers[b"etag"]) == (b"100002", b"W/1")
    assert b"content-length" in headers
    assert any(message.get("body") is rows for message in sent)
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, True, False]
