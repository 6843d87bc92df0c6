"""`python -m benchmarks [NAME ...]`: run all benchmarks, or those named, and print their tables."""

import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import data, feedback, reads, scale, tokens
from benchmarks.measure import console
from benchmarks.servers import facility

BENCHMARKS = {"reads": reads, "tokens": tokens, "feedback": feedback, "data": data, "scale": scale}


def main() -> None:
    names = sys.argv[1:] or list(BENCHMARKS)
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; there are: {', '.join(BENCHMARKS)}")
    console.print(f"Python {platform.python_version()}, {os.cpu_count()} processors, {platform.machine()}, SQLite\n")
    for name in names:
        with tempfile.TemporaryDirectory(prefix="superfacility-bench-") as folder, facility(Path(folder)) as served:
            BENCHMARKS[name].run(served, Path(folder))


if __name__ == "__main__":
    main()
