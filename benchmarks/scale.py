"""P5: listings with all squeue columns, from the embedded scheduler: 10,000 jobs whole, and 100,000 by paging."""

import gzip
import json
import statistics
import time
import urllib.request
from pathlib import Path

from benchmarks.measure import table
from benchmarks.servers import Served

JOBS, MANY, ARRAY, ROUNDS = 10_000, 100_000, 1000, 15
PAGES, PAUSE = 150, 0.2
"""Pages are asked for during half a minute, so that readings of so long a queue lie among them."""


def run(served: Served, folder: Path) -> None:
    token = served.token()
    _submit(served, token, JOBS)
    before = served.resident_bytes()
    rows = []
    for name, query, headers in (
        ("whole list, cached", "", {}),
        ("whole list, cached, gzip", "", {"Accept-Encoding": "gzip"}),
        ("whole list, cached=false", "?cached=false", {}),
        ("100 rows by index and limit", "?index=5000&limit=100", {}),
        ("one job by kwargs, cached=false", "?cached=false&kwargs=jobid=1", {}),
    ):
        times, size, count = _measure(served, query, headers, token)
        rows.append(
            [name, f"{count:,}", f"{size / 1e6:.2f} MB", f"{statistics.median(times):.1f} ms", f"{max(times):.1f} ms"]
        )
    grown = (served.resident_bytes() - before) >> 20
    table(
        f"P5 scale: {JOBS:,} queued jobs (goal: whole list under 150 ms; memory grew by {grown} MiB)",
        ["listing", "rows", "body", "median", "slowest"],
        rows,
    )
    _submit(served, token, MANY - JOBS)
    _pages(served, token)


def _submit(served: Served, token: str, jobs: int) -> None:
    for _ in range(jobs // ARRAY):
        script = f"#!/bin/sh\n#SBATCH --array=1-{ARRAY}\n#SBATCH -t 60\nsleep 3000\n"
        accepted = served.call("/compute/jobs/perlmutter", {"job": script, "isPath": "false"}, token=token)
        served.wait_for_task(accepted["task_id"], token)


def _pages(served: Served, token: str) -> None:
    queries = [f"?index={MANY // PAGES * number}&limit=100" for number in range(PAGES)]
    _measure(served, "?cached=false&limit=1", {}, token)
    times, size, count = [], 0, 0
    for query in queries:
        took, size, count = _measure(served, query, {}, token, rounds=1)
        times += took
        time.sleep(PAUSE)
    times.sort()
    table(
        f"P5 paging: {MANY:,} queued jobs, {PAGES} pages while the queue is read again and again",
        ["rows a page", "body", "median", "95 %", "slowest"],
        [[f"{count:,}", f"{size / 1e6:.2f} MB", *(f"{times[int(at * (PAGES - 1))]:.1f} ms" for at in (0.5, 0.95, 1))]],
    )


def _measure(
    served: Served, query: str, headers: dict[str, str], token: str, *, rounds: int = ROUNDS
) -> tuple[list[float], int, int]:
    url = f"{served.base_url}/compute/jobs/perlmutter{query}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", **headers})
    times, body = [], b""
    for _ in range(rounds):
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
            compressed = answer.headers.get("Content-Encoding") == "gzip"
        times.append((time.perf_counter() - started) * 1000)
    rows = json.loads(gzip.decompress(body) if compressed else body)["output"]
    return times, len(body), len(rows)
