"""Requests of which two readers could disagree where they end: a proxy and the server behind it (CL.TE, TE.CL …)."""

API = b"/api/v1.2"
HIDDEN = b"GET " + API + b"/status/smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""Whoever answers this has taken a part of another request for one: the answer names it."""
POST = b"POST " + API + b"/compute/jobs/perlmutter HTTP/1.1\r\nHost: x\r\n"
GET = b"GET " + API + b"/meta/config HTTP/1.1\r\nHost: x\r\n"


def chunked(header: bytes) -> bytes:
    """A chunked body that is over at once, in a request that says in a second way how long it is."""
    return POST + header + b"\r\n0\r\n\r\n" + HIDDEN


LONG = b"Content-Length: %d\r\n" % (5 + len(HIDDEN))
AMBIGUOUS = {
    "CL.TE": chunked(LONG + b"Transfer-Encoding: chunked\r\n"),
    "TE.CL": chunked(b"Transfer-Encoding: chunked\r\n" + LONG),
    "TE.CL in other letters": chunked(b"TRANSFER-ENCODING: Chunked\r\nCONTENT-LENGTH: 5\r\n"),
    "TE.TE": chunked(LONG + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
    "TE unknown": chunked(LONG + b"Transfer-Encoding: xchunked\r\n"),
    "TE behind a tab": chunked(LONG + b"Transfer-Encoding:\tchunked\r\n"),
    "TE with a vertical tab": chunked(LONG + b"Transfer-Encoding: \x0bchunked\r\n"),
    "TE with a space before the colon": chunked(LONG + b"Transfer-Encoding : chunked\r\n"),
    "TE folded": chunked(LONG + b"Transfer-Encoding:\r\n chunked\r\n"),
    "TE behind a bare line feed": chunked(LONG + b"X: y\nTransfer-Encoding: chunked\r\n"),
    "TE behind a bare carriage return": chunked(LONG + b"X: y\rTransfer-Encoding: chunked\r\n"),
    "TE not last": chunked(LONG + b"Transfer-Encoding: chunked, identity\r\n"),
    "two lengths": POST + b"Content-Length: 0\r\n" + LONG + b"\r\n" + HIDDEN,
    "a list of lengths": POST + b"Content-Length: 0, 5\r\n\r\n" + HIDDEN,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + HIDDEN,
    "a length with a sign": POST + b"Content-Length: +0\r\n\r\n" + HIDDEN,
    "a length in hex": POST + b"Content-Length: 0x0\r\n\r\n" + HIDDEN,
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551616\r\n\r\n" + HIDDEN,
    "a chunk beyond 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" + HIDDEN,
    "a chunk with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + HIDDEN,
    "a chunk in words": POST + b"Transfer-Encoding: chunked\r\n\r\nzero\r\n\r\n" + HIDDEN,
    "a chunk without its end": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx0\r\n\r\n" + HIDDEN,
    "a header without a name": GET + b": y\r\n\r\n" + HIDDEN,
    "a header with a space in its name": GET + b"X Y: z\r\n\r\n" + HIDDEN,
    "a header with a NUL": GET + b"X: a\0b\r\n\r\n" + HIDDEN,
    "a header without a colon": GET + b"XY\r\n\r\n" + HIDDEN,
    "a version of its own": b"GET / HTTP/1.1 x\r\nHost: x\r\n\r\n" + HIDDEN,
    "a version to come": b"GET / HTTP/9.9\r\nHost: x\r\n\r\n" + HIDDEN,
    "no version": b"GET /\r\n" + HIDDEN,
    "HTTP/2 at once": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + HIDDEN,
    "a method of its own": b"G\0ET / HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN,
}
"""Each with another request behind it or in it."""
