"""Several server processes on one socket: they start, serve and end together."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from superfacility.settings import Settings

if TYPE_CHECKING:
    from superfacility.serving.http_server import HttpServer


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a process of several gets from its supervisor: its number from 0, the socket, a pipe to say that it serves,
    the public URL."""

    number: int
    listener: int
    ready: int
    url: str

    @classmethod
    def read(cls, text: str) -> "Inherited":
        number, listener, ready, url = text.split(",", 3)
        return cls(int(number), int(listener), int(ready), url)


def serve_inherited(settings: Settings, inherited: Inherited) -> int:
    """Be one of several processes, until a signal."""
    from superfacility.serving.http_server import run

    listener = socket.socket(fileno=inherited.listener)
    for descriptor in (inherited.listener, inherited.ready):
        os.set_inheritable(descriptor, False)  # commands and jobs of people must not keep our port

    def ready(server: "HttpServer") -> None:
        os.write(inherited.ready, b".")
        os.close(inherited.ready)
        _follow_supervisor(server)

    return run(settings, listener, inherited.url, ready, number=inherited.number)


def _follow_supervisor(server: "HttpServer") -> None:
    """Standard input is a pipe that only the supervisor holds: when it ends, the supervisor has died and so we stop."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def end() -> None:
        loop.remove_reader(descriptor)
        if not server.should_exit:
            server.handle_exit(signal.SIGTERM, None)

    loop.add_reader(descriptor, end)


def supervise(file: Path, listener: socket.socket, url: str, processes: int, announce: Callable[[str], None]) -> int:
    """Start the processes, pass signals on to them, and end when one of them ends: whoever started us starts again."""
    ready, tell = os.pipe()
    command = [sys.executable, "-m", "superfacility.cli.main", "serve", "--config", str(file)]
    children = [
        subprocess.Popen(
            [*command, "--inherited", f"{number},{listener.fileno()},{tell},{url}"],
            stdin=subprocess.PIPE,
            pass_fds=[listener.fileno(), tell],
        )
        for number in range(processes)
    ]
    os.close(tell)
    stopping = False

    def pass_on(number: int, _: FrameType | None = None) -> None:
        nonlocal stopping
        stopping = True
        for child in children:
            if child.poll() is None:
                child.send_signal(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pass_on)
    if _all_ready(ready, processes):
        announce(url)
    while all(child.poll() is None for child in children):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    if not stopping:
        sys.stderr.write("sfapi: a server process has ended; stopping the others.\n")
        pass_on(signal.SIGTERM)
    # One that was asked to stop before it could listen to signals has done nothing yet.
    codes = [0 if code == -signal.SIGTERM and stopping else abs(code) for code in (child.wait() for child in children)]
    return max(codes)


def _all_ready(ready: int, processes: int) -> bool:
    """Wait until each process has said that it serves, or has died before."""
    with os.fdopen(ready, "rb") as pipe:
        return len(pipe.read()) == processes
