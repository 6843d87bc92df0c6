"""What is kept for a server: nobody is there before it and between its lives, and nobody else is given its port."""

import socket
import sys

import pytest

from superfacility.testing.reserved import reserved_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ports are reserved on Linux alone")


def test_a_server_listens_there_again_and_again() -> None:
    with reserved_port() as port:
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port))
            with (
                socket.create_server(("127.0.0.1", port)) as server,
                socket.create_connection(("127.0.0.1", port)) as client,
            ):
                accepted, _ = server.accept()
                with accepted:
                    client.sendall(b"x")
                    assert accepted.recv(1) == b"x"


def test_nobody_takes_it_by_chance() -> None:
    with reserved_port() as port, socket.socket() as other:
        with pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", port))
        with reserved_port() as another:
            assert another != port
