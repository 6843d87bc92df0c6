"""What a stranger can make the server hold before a token is looked at."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from superfacility.http.ready_answers import Answer, send_answer
from superfacility.serving import http_protocol
from superfacility.serving.http_protocol import HEAD_LIMIT, PIPELINED, BoundedHead


async def _app(scope: Any, receive: Any, send: Any) -> None:
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message.get("body", b"")), message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(size).encode()})


_READY = Answer.of(((b"content-type", b"application/json"),), b"").with_body(b"{}")
_UNCHANGED = Answer.of(((b"etag", b"a"),), b"", 304)


async def _ready(scope: Any, _: Any, send: Any) -> None:
    await send_answer(_UNCHANGED if scope["query_string"] else _READY, b"number-1", scope, send)


async def _ready_for_others(scope: Any, receive: Any, send: Any) -> None:
    await _ready({**scope, "extensions": {}}, receive, send)


class _Transport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.closed = False
        self.waiting = 0
        self._changed = asyncio.Event()

    def write(self, data: Any) -> None:
        self.written += bytes(data)
        self._changed.set()

    def close(self) -> None:
        self.closed = True
        self._changed.set()

    def abort(self) -> None:
        self.close()

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    async def until(self, done: Callable[["_Transport"], bool]) -> None:
        async with asyncio.timeout(10):
            while not done(self):
                self._changed.clear()
                await self._changed.wait()


def _connected(app: Any = _app) -> tuple[BoundedHead, _Transport]:
    config = uvicorn.Config(app, http=BoundedHead, ws="none", lifespan="off", log_config=None)
    protocol, transport = BoundedHead(config, ServerState(), {}), _Transport()
    protocol.connection_made(transport)
    return protocol, transport


REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_a_request_that_comes_while_the_server_stops_is_answered_and_told_that_it_was_the_last() -> None:
    protocol, transport = _connected()
    protocol.data_received(REQUEST)
    await transport.until(lambda each: each.written.endswith(b"0\r\n\r\n"))
    assert b"connection: close" not in transport.written
    protocol.shutdown()
    assert not transport.closed
    protocol.data_received(REQUEST)
    await transport.until(lambda each: each.closed)
    assert transport.written.count(b"200 OK") == 2
    assert b"connection: close" in transport.written


async def test_an_idle_connection_is_closed_a_moment_after_the_server_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "LINGER_SECONDS", 0.01)
    protocol, transport = _connected()
    protocol.shutdown()
    await transport.until(lambda each: each.closed)
    assert transport.written == b""


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"GET /?", b"a" * 1000),
        (b"GET / HTTP/1.1\r\nA: ", b"a" * 1000),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 200),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nA: ", b"a" * 1000),
        (b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 200),
    ],
)
async def test_an_endless_head_is_refused(start: bytes, piece: bytes) -> None:
    protocol, transport = _connected()
    protocol.data_received(start)
    sent = 0
    while not transport.closed and sent < 10 * HEAD_LIMIT:
        protocol.data_received(piece)
        sent += len(piece)
    assert sent <= HEAD_LIMIT + len(piece)
    assert transport.written.startswith(b"HTTP/1.1 431 ")
    protocol.connection_lost(None)


async def test_trailers_do_not_become_headers() -> None:
    protocol, transport = _connected()
    protocol.data_received(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n")
    protocol.data_received(b"X-Forwarded-For: 127.0.0.1\r\n\r\n")
    await transport.until(lambda it: it.written.endswith(b"0\r\n\r\n"))
    assert [name for name, _ in protocol.scope["headers"]] == [b"transfer-encoding"]
    protocol.connection_lost(None)


async def test_who_asks_without_end_and_does_not_listen_is_cut_off() -> None:
    protocol, transport = _connected()
    protocol.data_received(b"GET / HTTP/1.1\r\n\r\n" * 10 * PIPELINED)
    assert transport.closed
    assert len(protocol.pipeline) == PIPELINED
    protocol.connection_lost(None)


async def test_some_requests_in_a_row_are_answered_in_a_row() -> None:
    protocol, transport = _connected()
    protocol.data_received(b"GET / HTTP/1.1\r\n\r\n" * PIPELINED)
    await transport.until(lambda it: it.written.count(b"HTTP/1.1 200 ") == PIPELINED)
    assert not transport.closed
    protocol.connection_lost(None)


async def test_bodies_and_many_requests_are_not_heads() -> None:
    protocol, transport = _connected()
    body = b"x" * (3 * HEAD_LIMIT)
    whole = b"PUT / HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    for count in (1, 2):
        cut = 30 + count  # in the middle of a head
        protocol.data_received(whole[:cut])
        protocol.data_received(whole[cut : cut + len(body)])
        protocol.data_received(whole[cut + len(body) :])
        await transport.until(lambda it, count=count: it.written.count(str(len(body)).encode()) == count)
    assert not transport.closed
    protocol.connection_lost(None)


async def test_a_body_that_stands_still_gives_its_place_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "STALL_SECONDS", 0.01)
    protocol, transport = _connected()
    protocol.data_received(b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\na")
    await transport.until(lambda it: it.closed)
    assert transport.written.startswith(b"HTTP/1.1 408 ")
    protocol.connection_lost(None)


async def test_a_body_that_we_do_not_read_does_not_stand_still() -> None:
    protocol, transport = _connected()
    protocol.data_received(b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\na")
    protocol._heard_at = float("-inf")
    protocol.flow.pause_reading()
    protocol._check_body()
    assert not transport.closed
    protocol.flow.resume_reading()
    protocol._check_body()
    assert transport.closed
    protocol.connection_lost(None)


async def test_who_takes_nothing_of_an_answer_is_cut_off_and_who_takes_some_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_protocol, "STALL_SECONDS", 0.01)
    protocol, transport = _connected()
    transport.waiting = 10_000_000
    protocol.pause_writing()
    for _ in range(10):
        transport.waiting -= 1
        protocol._check_listener(transport.waiting + 1)
        assert not transport.closed
    await transport.until(lambda it: it.closed)
    protocol.connection_lost(None)


@pytest.mark.parametrize("start", [b"", b"GET / HTTP/1.1\r\nA: "])
async def test_a_head_that_never_ends_gives_its_place_back(monkeypatch: pytest.MonkeyPatch, start: bytes) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.01)
    protocol, transport = _connected()
    protocol.data_received(start)
    await transport.until(lambda it: it.closed)
    assert transport.written.startswith(b"HTTP/1.1 408 ")
    protocol.connection_lost(None)


async def test_a_connection_that_asks_no_more_is_closed_and_one_that_does_is_not() -> None:
    protocol, transport = _connected()
    protocol.timeout_keep_alive = 0.2  # type: ignore[assignment]
    for count in range(1, 5):
        protocol.data_received(REQUEST)
        await transport.until(lambda it, count=count: it.written.count(b"0\r\n\r\n") == count)
        await asyncio.sleep(0.1)
    assert not transport.closed
    await transport.until(lambda it: it.closed)
    protocol.connection_lost(None)


async def test_a_long_answer_is_not_idle() -> None:
    protocol, transport = _connected()
    protocol.timeout_keep_alive = 0.01  # type: ignore[assignment]
    protocol.data_received(REQUEST)
    await transport.until(lambda it: it.written.endswith(b"0\r\n\r\n"))
    protocol.data_received(b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
    await asyncio.sleep(0.05)
    protocol.data_received(b"ab")
    await transport.until(lambda it: it.written.count(b"HTTP/1.1 200 ") == 2)
    protocol.connection_lost(None)


async def test_a_slow_answer_is_not_a_slow_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", 0.01)
    protocol, transport = _connected()
    protocol.data_received(b"PUT / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
    await asyncio.sleep(0.05)
    protocol.data_received(b"ab")
    await transport.until(lambda it: it.written.endswith(b"0\r\n\r\n"))
    assert transport.written.startswith(b"HTTP/1.1 200 ")
    protocol.connection_lost(None)


@pytest.mark.parametrize(("path", "body"), [(b"/", b"{}"), (b"/?unchanged", b"")])
@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
async def test_a_ready_answer_has_the_bytes_of_any_other(path: bytes, body: bytes, last: bytes) -> None:
    written = []
    for app in (_ready, _ready_for_others):
        protocol, transport = _connected(app)
        protocol.server_state.default_headers = [(b"date", b"today")]
        protocol.data_received(b"GET %b HTTP/1.1\r\n%b\r\n" % (path, last))
        await transport.until(lambda it: it.written.endswith(b"\r\n\r\n" + body))
        await asyncio.sleep(0)
        assert protocol.cycle.response_complete
        assert transport.closed == bool(last)
        written.append(transport.written)
        protocol.connection_lost(None)
    assert written[0] == written[1]


async def test_a_ready_answer_waits_for_a_caller_that_listens_and_is_given_up_with_it() -> None:
    protocol, transport = _connected(_ready)
    protocol.pause_writing()
    protocol.data_received(REQUEST)
    await asyncio.sleep(0.01)
    assert transport.written == b""
    protocol.connection_lost(None)
    await asyncio.sleep(0.01)
    assert transport.written == b""


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\x00"])
def test_no_header_of_a_ready_answer_can_be_two(value: bytes) -> None:
    with pytest.raises(ValueError, match="no header"):
        Answer.of(((b"x-a", value),), b"")
