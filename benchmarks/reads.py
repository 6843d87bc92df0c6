"""P1: reads against a bare Starlette route that returns the same bytes on the same server program.

Requests a second depend on what else the machine does; the processor's time that a request costs depends on it less.
"""

import statistics
import urllib.request
from pathlib import Path

from benchmarks.measure import get, interleaved, load, processor_seconds, ratio, table
from benchmarks.servers import Served, bare_starlette

ROUNDS, SECONDS = 5, 3.0


def run(served: Served, folder: Path) -> None:
    token = served.token()
    job = served.wait_for_task(
        served.call("/compute/jobs/perlmutter", {"job": "#!/bin/sh\nsleep 600\n", "isPath": "false"}, token=token)[
            "task_id"
        ],
        token,
    )["jobid"]
    task = served.call("/utilities/command/perlmutter", {"executable": "true"}, token=token)["task_id"]
    served.wait_for_task(task, token)
    paths = {
        "status": ("/status", ""),
        "task": (f"/tasks/{task}", token),
        "job": (f"/compute/jobs/perlmutter/{job}", token),
    }
    bodies = {name: _body(served, path, bearer) for name, (path, bearer) in paths.items()}
    with bare_starlette(folder, bodies) as bare:
        rows = [_row(served, bare, name, *paths[name]) for name in paths]
    table(
        "P1 reads (requests/s, median; 16 connections)",
        ["read", "ours", "bare Starlette", "ratio", "goal", "p99 at 500/s"],
        [row[:6] for row in rows],
    )
    table(
        "P1 the processor's time of the server (microseconds a request, median; bare by ours)",
        ["read", "ours", "bare Starlette", "ratio"],
        [[row[0], *row[6:]] for row in rows],
    )


def _body(served: Served, path: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: bytes = urllib.request.urlopen(
        urllib.request.Request(served.base_url + path, headers=headers), timeout=30
    ).read()
    return body


def _row(served: Served, bare: tuple[int, int], name: str, path: str, token: str) -> list[str]:
    request = get("/api/v1.2" + path, token)
    cpu: list[float] = []
    bare_cpu: list[float] = []
    ours, theirs = interleaved(
        ROUNDS,
        lambda: _rate(served.port, served.process.pid, request, cpu),
        lambda: _rate(*bare, get("/" + name), bare_cpu),
    )
    paced = load(served.port, [request], seconds=5, rate=500)
    return [
        f"GET {'/tasks/{id}' if name == 'task' else '/compute/jobs/{machine}/{id}' if name == 'job' else path}",
        f"{statistics.median(ours):,.0f}",
        f"{statistics.median(theirs):,.0f}",
        f"{ratio(ours, theirs):.2f}",
        "0.85" if name == "status" else "0.70",
        f"{paced['p99_ms']:.1f} ms",
        f"{1e6 * statistics.median(cpu):.0f}",
        f"{1e6 * statistics.median(bare_cpu):.0f}",
        f"{ratio(bare_cpu, cpu):.2f}",
    ]


def _rate(port: int, pid: int, request: str, cpu: list[float]) -> float:
    """Requests a second; what each has cost its server is added to `cpu`."""
    before = processor_seconds(pid)
    requests: int = load(port, [request], seconds=SECONDS)["requests"]
    cpu.append((processor_seconds(pid) - before) / requests)
    return requests / SECONDS
