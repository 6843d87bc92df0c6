"""R10 on a real Slurm: what callers of one machine notice of another one that is silent."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.cluster import facility_on
from benchmarks.measure import get, load, table
from benchmarks.servers import Served
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.network import network

ROUNDS, SECONDS, RATE = 6, 8, 200
HERE, THERE = "/api/v1.2/compute/jobs/perlmutter", "/api/v1.2/compute/jobs/other?cached=false"


def run(cluster: SlurmCluster, folder: Path) -> None:
    """The same callers of both while the other machine answers, and while it is silent, in turn."""
    known = folder / "other_hosts"
    with network(cluster.ssh_port) as way:
        known.write_text(cluster.known_hosts.read_text().replace(str(cluster.ssh_port), str(way.port)))

        def change(settings: dict[str, Any]) -> None:
            machine = settings["systems"]["perlmutter"]
            transport = machine["transport"] | {"port": way.port, "known_hosts": str(known)}
            settings["systems"]["other"] = machine | {"full_name": "Other", "transport": transport}

        with facility_on(cluster, folder, change=change) as served:
            figures: dict[bool, list[float]] = {False: [], True: []}
            _wait_until_stale(served, silent=False)
            for _ in range(ROUNDS):
                for silent in (False, True):
                    way.silent = silent
                    _wait_until_stale(served, silent=silent)
                    figures[silent].append(_p99(served, served.token()))
            way.silent = False
    rows = [
        [name, f"{min(values):.1f} ms", f"{sorted(values)[len(values) // 2]:.1f} ms", f"{max(values):.1f} ms"]
        for name, values in (("both answer", figures[False]), ("the other is silent", figures[True]))
    ]
    table(
        f"R10 p99 of {RATE} requests/s to one machine, {ROUNDS} times {SECONDS} s each (goal: less than 10 % more)",
        ["", "least", "median", "most"],
        rows,
    )


def _wait_until_stale(served: Served, *, silent: bool) -> None:
    token = served.token()
    while bool(served.call("/compute/jobs/other?kwargs=user=nobody", token=token).get("stale")) is not silent:
        time.sleep(0.2)


def _p99(served: Served, token: str) -> float:
    """Of the one machine, while ten callers insist on fresh data of the other."""
    others = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load", "127.0.0.1", str(served.port), str(SECONDS), "10", "10"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert others.stdin is not None
    json.dump([get(THERE, token)], others.stdin)
    others.stdin.close()
    result = load(served.port, [get(HERE, token)], seconds=SECONDS, connections=50, rate=RATE)
    others.wait()
    found: float = result["p99_ms"]
    return found
