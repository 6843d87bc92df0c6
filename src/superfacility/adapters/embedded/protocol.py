"""What daemon and callers say to each other: one JSON object a line over a Unix socket in the state folder.

A request is `{"do": name, …}`; its answer is `{"ok": …}` or `{"error": {"kind": …, "words": …}}`.
"""

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SOCKET, JOURNAL, JOBS, CONFIGURATION = "socket", "journal", "jobs", "configuration.json"
DAEMON_LOCK, DAEMON_PID, DAEMON_LOG = "daemon.lock", "daemon.pid", "daemon.log"
LINE_LIMIT = 64 * 1024 * 1024
PAGE = 2000
_ADDRESS_LIMIT = 100
START_PATIENCE = 15.0
"""Seconds that a caller waits for a daemon that it has started."""

Message = dict[str, Any]


class Problem(Exception):
    """A request was answered with an error: `kind` is refused, not_found, not_permitted, conflict or invalid."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind
        self.words = words

    def to_message(self) -> Message:
        return {"error": {"kind": self.kind, "words": self.words}}

    @classmethod
    def from_message(cls, error: Message) -> "Problem":
        return cls(str(error.get("kind")), str(error.get("words")))


@contextlib.contextmanager
def address(state: Path) -> Iterator[str]:
    """The socket's path in a form that fits into an address (107 bytes): a long one goes through its open folder."""
    path = str(state / SOCKET)
    if len(os.fsencode(path)) <= _ADDRESS_LIMIT:
        yield path
        return
    descriptor = os.open(state, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)


def bind(state: Path) -> socket.socket:
    """The daemon's listening socket, for this account alone; only the holder of the daemon's lock may call this."""
    (state / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        with address(state) as where:
            listener.bind(where)
    finally:
        os.umask(mask)
    listener.listen(128)
    listener.setblocking(False)
    return listener
