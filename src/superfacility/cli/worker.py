"""`sfapi worker`: works on tasks beside a server of the same installation."""

import asyncio
import os
import signal
from pathlib import Path

from superfacility.cli.output import say
from superfacility.settings import Settings, configuration_file, load_settings


def worker(*, config: Path | None = None) -> None:
    """Work on tasks without serving the API. SIGTERM and SIGINT hand running tasks back; a second one ends at once.

    Parameters
    ----------
    config
        Configuration file (or SFAPI_CONFIG, or ./superfacility.toml).
    """
    import uvloop

    from superfacility.core.logging import configure_logging
    from superfacility.core.memory_images import forbid_core_dumps

    settings = load_settings(configuration_file(config))
    forbid_core_dumps()
    configure_logging(settings.server.log_level, settings.server.log_lines_per_minute)
    uvloop.run(_work(settings))


async def _work(settings: Settings) -> None:
    from superfacility.bootstrap.runtime import open_services

    runtime = open_services(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        if stop.is_set():
            os._exit(130)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    say("Superfacility is working on tasks.")
    try:
        await runtime.work(stop)
    finally:
        await runtime.aclose()
