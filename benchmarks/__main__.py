"""`python -m benchmarks [NAME ...]`: run all benchmarks, or those named, and print their tables.

Those on a real Slurm need root on Debian or Ubuntu; SFAPI_TEST_CLUSTER names the state folder of their cluster.
"""

import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import cluster, data, events, feedback, polling, reads, scale, silence, startup, submit, tokens
from benchmarks.measure import console
from benchmarks.servers import facility

EMBEDDED = {"reads": reads, "tokens": tokens, "feedback": feedback, "data": data, "scale": scale, "startup": startup}
ON_SLURM = {"submit": submit, "polling": polling, "events": events, "silence": silence}


def main() -> None:
    names = sys.argv[1:] or [*EMBEDDED, *ON_SLURM]
    if unknown := set(names) - set(EMBEDDED) - set(ON_SLURM):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join([*EMBEDDED, *ON_SLURM])}")
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}, SQLite\n")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="superfacility-bench-") as folder:
            _run(name, Path(folder))


def _run(name: str, folder: Path) -> None:
    if name in EMBEDDED:
        with facility(folder) as served:
            EMBEDDED[name].run(served, folder)
    elif os.geteuid():
        console.print(f"{name}: left out, a real Slurm cluster needs root.\n")
    else:
        with cluster.cluster() as slurm:
            ON_SLURM[name].run(slurm, folder)


if __name__ == "__main__":
    main()
