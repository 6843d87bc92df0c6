"""P1: reads against a bare Starlette route that returns the same bytes on the same server program."""

import statistics
import urllib.request
from pathlib import Path

from benchmarks.measure import get, interleaved, load, ratio, table
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
    with bare_starlette(folder, bodies) as port:
        rows = [_row(served, port, name, *paths[name]) for name in paths]
    table(
        "P1 reads (requests/s, median; 16 connections)",
        ["read", "ours", "bare Starlette", "ratio", "goal", "p99 at 500/s"],
        rows,
    )


def _body(served: Served, path: str, token: str) -> bytes:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    body: bytes = urllib.request.urlopen(
        urllib.request.Request(served.base_url + path, headers=headers), timeout=30
    ).read()
    return body


def _row(served: Served, bare_port: int, name: str, path: str, token: str) -> list[str]:
    ours, bare = interleaved(
        ROUNDS,
        lambda: load(served.port, [get("/api/v1.2" + path, token)], seconds=SECONDS)["requests"] / SECONDS,
        lambda: load(bare_port, [get("/" + name)], seconds=SECONDS)["requests"] / SECONDS,
    )
    paced = load(served.port, [get("/api/v1.2" + path, token)], seconds=5, rate=500)
    return [
        f"GET {'/tasks/{id}' if name == 'task' else '/compute/jobs/{machine}/{id}' if name == 'job' else path}",
        f"{statistics.median(ours):,.0f}",
        f"{statistics.median(bare):,.0f}",
        f"{ratio(ours, bare):.2f}",
        "0.85" if name == "status" else "0.70",
        f"{paced['p99_ms']:.1f} ms",
    ]
