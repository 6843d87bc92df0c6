"""P5: a listing of 10,000 jobs with all squeue columns, from the embedded scheduler."""

import gzip
import json
import statistics
import time
import urllib.request
from pathlib import Path

from benchmarks.measure import table
from benchmarks.servers import Served

JOBS, ARRAY, ROUNDS = 10_000, 1000, 15


def run(served: Served, folder: Path) -> None:
    token = served.token()
    for _ in range(JOBS // ARRAY):
        script = f"#!/bin/sh\n#SBATCH --array=1-{ARRAY}\n#SBATCH -t 60\nsleep 3000\n"
        accepted = served.call("/compute/jobs/perlmutter", {"job": script, "isPath": "false"}, token=token)
        served.wait_for_task(accepted["task_id"], token)
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


def _measure(served: Served, query: str, headers: dict[str, str], token: str) -> tuple[list[float], int, int]:
    url = f"{served.base_url}/compute/jobs/perlmutter{query}"
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}", **headers})
    times, body = [], b""
    for _ in range(ROUNDS):
        started = time.perf_counter()
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
            compressed = answer.headers.get("Content-Encoding") == "gzip"
        times.append((time.perf_counter() - started) * 1000)
    rows = json.loads(gzip.decompress(body) if compressed else body)["output"]
    return times, len(body), len(rows)
