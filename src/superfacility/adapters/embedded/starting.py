"""Starts the daemon of a state folder. Any number may try at once: the daemon's lock lets one live."""

import subprocess
from pathlib import Path

from superfacility.adapters.embedded.processes import python_command

_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
"""Nothing of the starter's: its secrets would be in every job's ancestors."""


def start_daemon(state: Path) -> None:
    """Returns once it is detached, before it listens. OSError if the interpreter cannot be run."""
    subprocess.run(
        python_command("daemon.server", str(state)),
        env=_ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
        timeout=60,
    )
