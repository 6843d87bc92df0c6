"""Ports kept free for servers that listen on them later, and perhaps again after a restart."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def reserved_port(host: str = "127.0.0.1") -> Iterator[int]:
    """A TCP port that nobody is given by chance while this lasts; nobody listens there before a server does.

    Linux lets several sockets have one address if all of them have said SO_REUSEADDR, as servers do, and only one
    listens. Other systems do not, so the port is let go at once there.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind((host, 0))
        port = int(holder.getsockname()[1])
        if sys.platform != "linux":
            holder.close()
        yield port
