"""uvicorn with our way to stop: the first signal ends gracefully, the second at once."""

import asyncio
import gc
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import uvicorn
import uvloop

from superfacility.app import GROUPS, create_app
from superfacility.bootstrap.runtime import Runtime, open_services
from superfacility.core.logging import configure_logging
from superfacility.core.memory_images import forbid_core_dumps
from superfacility.http.rates import Rate, Rates
from superfacility.serving.access_log import AccessLog
from superfacility.serving.http_protocol import BoundedHead
from superfacility.serving.measured import Measured, RequestCounts
from superfacility.settings import BASE_PATH, Settings
from superfacility.settings.service import RateSettings

_IDLE_SECONDS = 75
_SWITCH_SECONDS = 0.0005
"""How long a thread that parses a large answer may keep the event loop waiting at a time."""
_COLLECTED_AFTER = 20_000
"""Objects made until garbage is looked for. A queue of thousands of jobs is made anew when it changes: with Python's
700 every reading ends with a walk through everything, which stops all threads for a tenth of a second."""
_FORCED = 130

Ready = Callable[["HttpServer"], None]
"""Called once when the server accepts connections."""


class HttpServer(uvicorn.Server):
    """Serves one runtime. `stop` is set as soon as the end begins, `ready` called when connections are accepted."""

    def __init__(
        self, runtime: Runtime, stop: asyncio.Event, ready: Ready, counts: RequestCounts | None = None
    ) -> None:
        settings = runtime.settings
        app: Any = create_app(
            runtime.services,
            name=settings.name,
            base_path=BASE_PATH,
            trusted_proxies=settings.server.trusted_proxies,
            rates=_rates(settings.limits.rates),
        )
        if settings.server.access_log:
            app = AccessLog(app)
        super().__init__(
            uvicorn.Config(
                app if counts is None else Measured(app, BASE_PATH, counts),
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
        gc.set_threshold(_COLLECTED_AFTER, *gc.get_threshold()[1:])
        gc.freeze()  # what is loaded by now stays: collections need not walk it again and again
        if self.started:
            self._ready(self)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.should_exit:
            os._exit(_FORCED)
        self.should_exit = True
        self._loop.call_soon_threadsafe(self._stop.set)


def _rates(limits: RateSettings) -> Rates:
    return Rates(
        Rate(limits.client_per_second, limits.client_burst), Rate(limits.address_per_second, limits.address_burst)
    )


def run(settings: Settings, listener: socket.socket, url: str, ready: Ready, *, number: int = 0) -> int:
    """One server process, until a signal; `number` counts those of one supervisor from 0."""
    forbid_core_dumps()
    configure_logging(settings.server.log_level, settings.server.log_lines_per_minute)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    sys.setswitchinterval(_SWITCH_SECONDS)
    return uvloop.run(_run(settings, listener, url, ready, number))


async def _run(settings: Settings, listener: socket.socket, url: str, ready: Ready, number: int) -> int:
    runtime = open_services(settings, public_url=url)
    stop = asyncio.Event()
    try:
        with _measuring(runtime, number) as counts:
            server = HttpServer(runtime, stop, ready, counts)
            async with asyncio.TaskGroup() as group:
                group.create_task(runtime.work(stop))
                await server.serve([listener])
                stop.set()
    finally:
        await runtime.aclose()
    return 0


@contextmanager
def _measuring(runtime: Runtime, number: int) -> Iterator[RequestCounts | None]:
    """What requests are counted in, where somebody reads it."""
    place = runtime.settings.server.metrics
    if place is None:
        yield None
        return
    from superfacility.serving.metrics import MetricsEndpoint

    counts = RequestCounts(GROUPS)
    endpoint = MetricsEndpoint(runtime, counts, place.host, place.port + number)
    try:
        yield counts
    finally:
        endpoint.close()
