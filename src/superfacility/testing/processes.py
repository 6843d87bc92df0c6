"""Whether a process that a pid file names is still the one that wrote it."""

import time
from pathlib import Path


def is_process(pid: int, name: str) -> bool:
    """Pids are used again, so the name counts too; one that ended and was not reaped yet has no executable any more."""
    folder = Path(f"/proc/{pid}")
    try:
        (folder / "exe").readlink()
        return (folder / "comm").read_text().strip() == name
    except OSError:
        return False


def wait_for_end(pid: int, name: str, limit: float) -> None:
    end = time.monotonic() + limit
    while is_process(pid, name):
        if time.monotonic() > end:
            raise TimeoutError(f"{name} ({pid}) has not ended within {limit:g} s.")
        time.sleep(0.02)
