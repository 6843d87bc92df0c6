"""Running the load generator, taking medians, printing tables."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

console = Console()


def get(path: str, token: str = "", headers: str = "") -> str:
    """A whole GET request."""
    authorization = f"Authorization: Bearer {token}\r\n" if token else ""
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}{headers}\r\n"


def post(path: str, body: str) -> str:
    """A whole POST request with a form."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )


def load(
    port: int, requests: Sequence[str], *, seconds: float, connections: int = 16, rate: float = 0
) -> dict[str, Any]:
    """Run the load generator in its own process; raises if any answer was not 200."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.load", "127.0.0.1", str(port), str(seconds), str(connections), str(rate)],
        input=json.dumps(list(requests)),
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, Any] = json.loads(done.stdout)
    if result["errors"] or not result["requests"]:
        raise RuntimeError(f"{result['errors']} of {result['requests']} requests failed")
    return result


def processor_seconds(pid: int) -> float:
    """What all threads of a process have used so far: `clock_getcpuclockid` of Linux, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | 2)


def busy_seconds() -> float:
    """What all processes of the machine have used so far, to a hundredth."""
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def interleaved(rounds: int, *sides: Callable[[], float]) -> list[list[float]]:
    """Measure the sides in turn, `rounds` times; one list of figures a side."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for series, side in zip(figures, sides, strict=True):
            series.append(side())
    return figures


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the ratios round by round."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    drawn = Table(title=title, title_justify="left")
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        drawn.add_row(*(str(cell) for cell in row))
    console.print(drawn)
