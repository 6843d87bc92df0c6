"""`sfapi serve`: the API, a worker and the loops in the background, in one process or several.

The socket is bound once, here, and inherited by the processes of `--workers`, so that the address is known (and
printed) before any of them starts. SIGTERM and SIGINT end it gracefully; a second one ends it at once.
"""

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from superfacility.cli.output import say, warn
from superfacility.facility.errors import InvalidInput
from superfacility.settings import BASE_PATH, Settings, configuration_file, load_settings

if TYPE_CHECKING:
    from superfacility.cli.http_server import HttpServer

_BACKLOG = 2048


def serve(
    *,
    config: Path | None = None,
    host: str = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one and prints it.")] = 8000,
    workers: int | None = None,
    inherited: Annotated[str | None, Parameter(show=False)] = None,
) -> None:
    """Serve the API and work on tasks.

    Parameters
    ----------
    config
        Configuration file (or SFAPI_CONFIG, or ./superfacility.toml).
    host
        Address to listen on. Systems with the `local` transport allow loopback addresses only.
    workers
        Server processes, instead of the configured number.
    """
    file = configuration_file(config).absolute()
    settings = load_settings(file)
    if inherited is not None:
        _serve_inherited(settings, Inherited.read(inherited))
        return
    check_host(settings, host)
    asyncio.run(_examine(settings))
    listener = _bind(host, port)
    url = _url(listener)
    processes = workers or settings.server.workers
    if processes == 1:
        sys.exit(run(settings, listener, url, lambda _: _announce(url)))
    sys.exit(_supervise(file, listener, url, processes))


def check_host(settings: Settings, host: str) -> None:
    """What runs under the server's own account is offered to this machine alone."""
    local = sorted(name for name, system in settings.systems.items() if system.transport.adapter == "local")
    if local and not _is_loopback(host):
        raise InvalidInput(
            f"{host} can be reached from other machines, and {', '.join(local)} runs everything under the server's own "
            "account (transport `local`). Serve on 127.0.0.1, behind a proxy on this machine if others must reach it."
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


async def _examine(settings: Settings) -> None:
    """Refuse to start on what `sfapi check` would call dangerous."""
    from superfacility.bootstrap import open_stores
    from superfacility.cli.admin.desk import check_isolation
    from superfacility.cli.examination import dangers

    if found := dangers(settings):
        raise InvalidInput("The server does not start:\n" + "\n".join(f"  {problem}" for problem in found))
    stores = open_stores(settings)
    try:
        check_isolation(settings, sum(user.active for user in await stores.people.users()))
    finally:
        await stores.aclose()


def _bind(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as problem:
        raise InvalidInput(
            f"Cannot listen on {host} port {port}: {problem.strerror}. Choose another --port."
        ) from problem
    listener.listen(_BACKLOG)
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


Ready = Callable[["HttpServer"], None]
"""Called once when the server accepts connections."""


@dataclass(frozen=True, slots=True)
class Inherited:
    """What a process of several gets from its supervisor: the socket, a pipe to say that it serves, the public URL."""

    listener: int
    ready: int
    url: str

    @classmethod
    def read(cls, text: str) -> "Inherited":
        listener, ready, url = text.split(",", 2)
        return cls(int(listener), int(ready), url)


def run(settings: Settings, listener: socket.socket, url: str, ready: Ready) -> int:
    """One server process, until a signal."""
    import uvloop

    from superfacility.core.logging import configure_logging

    configure_logging(settings.server.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return uvloop.run(_run(settings, listener, url, ready))


async def _run(settings: Settings, listener: socket.socket, url: str, ready: Ready) -> int:
    from superfacility.bootstrap import open_services
    from superfacility.cli.http_server import HttpServer

    runtime = open_services(settings, public_url=url)
    stop = asyncio.Event()
    try:
        server = HttpServer(runtime, stop, ready)
        async with asyncio.TaskGroup() as group:
            group.create_task(runtime.work(stop))
            await server.serve([listener])
            stop.set()
    finally:
        await runtime.aclose()
    return 0


def _announce(url: str) -> None:
    say(f"Superfacility is serving {url}{BASE_PATH}")


def _serve_inherited(settings: Settings, inherited: Inherited) -> None:
    """Be one of several processes."""
    listener = socket.socket(fileno=inherited.listener)
    for descriptor in (inherited.listener, inherited.ready):
        os.set_inheritable(descriptor, False)  # commands and jobs of people must not keep our port

    def ready(server: "HttpServer") -> None:
        os.write(inherited.ready, b".")
        os.close(inherited.ready)
        _follow_supervisor(server)

    sys.exit(run(settings, listener, inherited.url, ready))


def _follow_supervisor(server: "HttpServer") -> None:
    """Standard input is a pipe that only the supervisor holds: when it ends, the supervisor has died and so we stop."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()

    def end() -> None:
        loop.remove_reader(descriptor)
        if not server.should_exit:
            server.handle_exit(signal.SIGTERM, None)

    loop.add_reader(descriptor, end)


def _supervise(file: Path, listener: socket.socket, url: str, processes: int) -> int:
    """Start the processes, pass signals on to them, and end when one of them ends: whoever started us starts again."""
    ready, tell = os.pipe()
    command = [sys.executable, "-m", "superfacility.cli.main", "serve", "--config", str(file)]
    command += ["--inherited", f"{listener.fileno()},{tell},{url}"]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=[listener.fileno(), tell]) for _ in range(processes)
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
        _announce(url)
    while all(child.poll() is None for child in children):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    if not stopping:
        warn("sfapi: a server process has ended; stopping the others.")
        pass_on(signal.SIGTERM)
    # One that was asked to stop before it could listen to signals has done nothing yet.
    codes = [0 if code == -signal.SIGTERM and stopping else abs(code) for code in (child.wait() for child in children)]
    return max(codes)


def _all_ready(ready: int, processes: int) -> bool:
    """Wait until each process has said that it serves, or has died before."""
    with os.fdopen(ready, "rb") as pipe:
        return len(pipe.read()) == processes
