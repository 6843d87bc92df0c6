"""`sfapi serve`: the API, a worker and the loops in the background, in one process or several.

The socket is bound once, here, and inherited by the processes of `--workers`, so that the address is known before any
of them starts. SIGTERM and SIGINT end it gracefully; a second one ends it at once.
"""

import asyncio
import socket
import sys
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from superfacility.cli.output import say
from superfacility.facility.errors import InvalidInput
from superfacility.serving.supervisor import Inherited, serve_inherited, supervise
from superfacility.settings import BASE_PATH, Settings, configuration_file, load_settings

_BACKLOG = 2048

Port = Annotated[
    int,
    Parameter(
        validator=validators.Number(gte=0, lte=65535), help="Port to listen on; 0 takes a free one and prints it."
    ),
]
Workers = Annotated[int | None, Parameter(validator=validators.Number(gte=1))]


def serve(
    *,
    config: Path | None = None,
    host: str = "127.0.0.1",
    port: Port = 8000,
    workers: Workers = None,
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
        sys.exit(serve_inherited(settings, Inherited.read(inherited)))
    check_host(settings, host)
    asyncio.run(_examine(settings))
    listener = _bind(host, port)
    url = _url(listener)
    processes = workers or settings.server.workers
    if processes > 1:
        sys.exit(supervise(file, listener, url, processes, _announce))

    from superfacility.serving.http_server import run

    sys.exit(run(settings, listener, url, lambda _: _announce(url)))


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
    from superfacility.bootstrap.stores import open_stores
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


def _announce(url: str) -> None:
    say(f"Superfacility is serving {url}{BASE_PATH}")
