"""Starts the daemon of a state folder. Any number may try at once: the daemon's lock lets one live."""

import contextlib
import subprocess
from pathlib import Path

from superfacility.adapters.embedded.processes import python_command
from superfacility.adapters.embedded.protocol import START_PATIENCE

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of the starter's: its secrets would be in every job's ancestors."""


def start_daemon(state: Path) -> None:
    """Returns once it is detached, before it listens. OSError if the interpreter cannot be run."""
    with contextlib.suppress(subprocess.TimeoutExpired):  # whoever waits for the daemon has a deadline of its own
        subprocess.run(
            python_command("daemon.server", str(state.absolute())),
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            check=False,
            timeout=START_PATIENCE,
        )
