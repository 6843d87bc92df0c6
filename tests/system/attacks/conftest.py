"""Raw connections to a served facility: what no well-behaved client would send."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

DEADLINE = 60.0


class Wire:
    """A server's address, spoken to in bytes."""

    def __init__(self, base_url: str) -> None:
        self.address = (urlsplit(base_url).hostname or "", urlsplit(base_url).port or 0)

    @contextmanager
    def connection(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.address, timeout=DEADLINE) as connected:
            yield connected

    def exchange(self, sent: bytes) -> bytes:
        """Everything that the server says until it hangs up."""
        with self.connection() as connected:
            return talk(connected, sent)


def talk(connected: socket.socket, sent: bytes) -> bytes:
    """Also where the server hangs up before it has heard all."""
    heard = bytearray()
    with suppress(BrokenPipeError, ConnectionResetError):
        connected.sendall(sent)
    try:
        while piece := connected.recv(65536):
            heard += piece
    except (BrokenPipeError, ConnectionResetError):
        pass
    return bytes(heard)


@pytest.fixture
def wire(served: Any) -> Wire:
    return Wire(served.base_url)
