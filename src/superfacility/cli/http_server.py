"""uvicorn with our way to stop: the first signal ends gracefully, the second at once."""

import asyncio
import gc
import logging
import os
import socket
from collections.abc import Callable
from types import FrameType

import uvicorn
import uvloop

from superfacility.app import create_app
from superfacility.bootstrap import Runtime, open_services
from superfacility.cli.access_log import AccessLog
from superfacility.cli.http_protocol import BoundedHead
from superfacility.core.logging import configure_logging
from superfacility.settings import BASE_PATH, Settings

_IDLE_SECONDS = 75
_FORCED = 130

Ready = Callable[["HttpServer"], None]
"""Called once when the server accepts connections."""


class HttpServer(uvicorn.Server):
    """Serves one runtime. `stop` is set as soon as the end begins, `ready` called when connections are accepted."""

    def __init__(self, runtime: Runtime, stop: asyncio.Event, ready: Ready) -> None:
        settings = runtime.settings
        app = create_app(
            runtime.services,
            name=settings.name,
            base_path=BASE_PATH,
            trusted_proxies=settings.server.trusted_proxies,
        )
        super().__init__(
            uvicorn.Config(
                AccessLog(app) if settings.server.access_log else app,
                loop="uvloop",
                http=BoundedHead,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_IDLE_SECONDS,
                timeout_graceful_shutdown=settings.server.graceful_seconds,
            )
        )
        self._stop = stop
        self._ready = ready
        self._loop = asyncio.get_running_loop()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        gc.collect()
        gc.freeze()  # what is loaded by now stays: collections need not walk it again and again
        if self.started:
            self._ready(self)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(_FORCED)
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stop.set)


def run(settings: Settings, listener: socket.socket, url: str, ready: Ready) -> int:
    """One server process, until a signal."""
    configure_logging(settings.server.log_level)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return uvloop.run(_run(settings, listener, url, ready))


async def _run(settings: Settings, listener: socket.socket, url: str, ready: Ready) -> int:
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
