"""The plain and the asynchronous transport against a server that misbehaves by request: both must do the same."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from superfacility.client.blocking import completed
from superfacility.client.transport.asynchronous import AsyncTransport
from superfacility.client.transport.blocking import BlockingTransport
from superfacility.client.transport.messages import Body, Broken, NotReached, Request, whole

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nto the end"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n3\r\n you\r\n0\r\n\r\n".replace(
    b"3\r\n you", b"4\r\n you"
)
SHORT = b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nshort"
DEADLINE = 30.0


class Server:
    """Each connection answers its requests by the script that belongs to the path, and is closed when that ends."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.bodies: list[bytes] = []
        self.script: Callable[[socket.socket, Any], None] = lambda connection, file: None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(DEADLINE)
        with connection, connection.makefile("rb") as file:
            try:
                self.script(connection, file)
            except OSError:
                return

    def read(self, file: Any) -> bool:
        """One request; False when the caller has gone."""
        head = [line := file.readline()]
        while line not in {b"\r\n", b""}:
            head.append(line := file.readline())
        length = [int(line.split(b":")[1]) for line in head if line.lower().startswith(b"content-length")]
        self.bodies.append(file.read(length[0]) if length else b"")
        return head[0] != b""

    def answers(self, *replies: bytes) -> Callable[[socket.socket, Any], None]:
        """So many on each connection."""

        def script(connection: socket.socket, file: Any) -> None:
            for reply in replies:
                if not self.read(file):
                    return
                connection.sendall(reply)

        return script

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.close()


@pytest.fixture(params=["plain", "asynchronous"])
def ask(request: pytest.FixtureRequest) -> Iterator[Callable[..., tuple[int, bytes]]]:
    """Sends one request after the other over the same transport."""
    loop = asyncio.new_event_loop() if request.param == "asynchronous" else None
    finish: Callable[[Any], Any] = completed if loop is None else loop.run_until_complete
    transport: Any = BlockingTransport() if loop is None else AsyncTransport()

    async def exchange(sent: Request) -> tuple[int, bytes]:
        reply = await transport.send(sent)
        return reply.status, await whole(reply)

    def send(url: str, method: str = "GET", **more: Any) -> tuple[int, bytes]:
        found: tuple[int, bytes] = finish(exchange(Request(method, url, timeout=more.pop("timeout", DEADLINE), **more)))
        return found

    yield send
    finish(transport.close())
    if loop is not None:
        loop.close()


@pytest.mark.parametrize(
    ("reply", "body"), [(OK, b"hi"), (CLOSING, b"to the end"), (CHUNKED, b"hi you")], ids=["length", "close", "chunks"]
)
def test_every_kind_of_body_is_read(ask: Any, server: Server, reply: bytes, body: bytes) -> None:
    server.script = server.answers(reply)
    assert ask(server.url) == (200, body)


def test_connections_are_used_again(ask: Any, server: Server) -> None:
    server.script = server.answers(*[OK] * 5)
    assert [ask(f"{server.url}/{number}", repeatable=True) for number in range(5)] == [(200, b"hi")] * 5
    assert server.connections == 1


def test_a_connection_that_was_closed_meanwhile_costs_no_error(ask: Any, server: Server) -> None:
    server.script = server.answers(OK)
    assert [ask(server.url, repeatable=True) for _ in range(3)] == [(200, b"hi")] * 3
    assert server.connections == 3


def test_a_body_is_sent_in_pieces_and_from_its_beginning(ask: Any, server: Server) -> None:
    server.script = server.answers(OK, OK)
    body = Body(lambda: iter([b"one ", b"two"]), 7)
    assert [ask(server.url, "PUT", body=body, repeatable=True)[0] for _ in range(2)] == [200, 200]
    assert server.bodies == [b"one two"] * 2


def test_a_reply_that_is_cut_off_is_no_reply(ask: Any, server: Server) -> None:
    server.script = server.answers(SHORT)
    with pytest.raises(Broken):
        ask(server.url)


def test_a_request_without_an_answer_is_broken(ask: Any, server: Server) -> None:
    server.script = lambda _, file: [server.read(file)]  # and closes
    with pytest.raises(Broken):
        ask(server.url, "POST", body=b"x")


def test_silence_ends(ask: Any, server: Server) -> None:
    silent = threading.Event()
    server.script = lambda _, file: [server.read(file), silent.wait(DEADLINE)]
    try:
        with pytest.raises(Broken):
            ask(server.url, timeout=0.3)
    finally:
        silent.set()


def test_nobody_there_is_told_apart(ask: Any, server: Server) -> None:
    server.close()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotReached):
            ask(f"http://127.0.0.1:{taken.getsockname()[1]}")


def test_an_early_refusal_of_a_large_body_is_heard(ask: Any, server: Server) -> None:
    """The server answers after the head, reads the rest away for a while, and closes."""

    def refuse(connection: socket.socket, file: Any) -> None:
        while file.readline() not in {b"\r\n", b""}:
            pass
        connection.sendall(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno")
        file.read(20_000_000)

    server.script = refuse
    body = Body(lambda: iter([bytes(1_000_000)] * 20), 20_000_000)
    assert ask(server.url, "PUT", body=body) == (403, b"no")
