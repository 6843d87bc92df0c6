"""P3 and P5 on a real Slurm: 1,000 clients over 10,000 queued jobs, counted at the controller; lists, single jobs."""

import os
import re
import statistics
import time
import urllib.request
from pathlib import Path

from benchmarks.cluster import Person, facility_on
from benchmarks.measure import get, load, table
from benchmarks.servers import Served
from superfacility.testing.clusters import SlurmCluster

JOBS = int(os.environ.get("BENCH_JOBS", "10000"))
CLIENTS, SECONDS, PERIOD = 1000, 30, 5.0
ROUNDS = 5
SUBMIT = "seq {count} | xargs -P 4 -I@ sbatch -Q -H -t 5 -J bench-@ -o /dev/null --wrap true >/dev/null"


def run(cluster: SlurmCluster, folder: Path) -> None:
    person = Person(cluster, folder)
    try:
        _fill(cluster)
        jobs = cluster.as_user("alice", "squeue", "-h", "-o", "%i").stdout.split()
        with facility_on(cluster, folder) as served:
            _poll(cluster, served, jobs)
            _lists(person, served, jobs)
    finally:
        person.cancel_all()


def _fill(cluster: SlurmCluster) -> None:
    """Half a minute a thousand of jobs and more: in pieces that fit the time limit of a command."""
    for _ in range(JOBS // 500):
        done = cluster.as_user("alice", "sh", "-c", SUBMIT.format(count=500))
        assert done.returncode == 0, done.stderr


def _readings(cluster: SlurmCluster) -> int:
    """How often slurmctld was asked for jobs, of whatever kind, since it started."""
    text = cluster.root("sdiag").stdout.partition("by user")[0]
    return sum(int(count) for count in re.findall(r"REQUEST_(?:JOB_INFO\w*|JOB_USER_INFO)\s.*?count:(\d+)", text))


def _poll(cluster: SlurmCluster, served: Served, jobs: list[str]) -> None:
    token = served.token()
    kinds = {
        f"{CLIENTS:,} at 1 Hz": ("", CLIENTS, float(CLIENTS)),
        f"{CLIENTS:,} at 1 Hz, cached=false": ("?cached=false", CLIENTS, float(CLIENTS)),
        "50, cached=false, no pause": ("?cached=false", 50, 0.0),
    }
    rows = []
    for name, (query, clients, rate) in kinds.items():
        requests = [get(f"/api/v1.2/compute/jobs/perlmutter/{job}{query}", token) for job in jobs[:1000]]
        load(served.port, requests[:50], seconds=8, connections=10)  # the first reading comes
        before, started = _readings(cluster), time.monotonic()
        result = load(served.port, requests, seconds=SECONDS, connections=clients, rate=rate)
        asked, passed = _readings(cluster) - before, time.monotonic() - started
        rows.append(
            [
                name,
                f"{result['requests'] / SECONDS:,.0f}",
                f"{result['p50_ms']:.1f} ms",
                f"{result['p99_ms']:.0f} ms",
                f"{result['own_p99_ms']:.0f} ms",
                f"{asked / passed:.2f}",
                f"{asked * PERIOD / passed:.2f}",
            ]
        )
    table(
        f"P3 polling over {len(jobs):,} queued jobs (goals: p99 under 200 ms; one reading a period of {PERIOD:.0f} s, "
        "with cached=false of 1 s)",
        ["clients", "answers/s", "p50", "p99", "load's lag", "sdiag/s", "sdiag/period"],
        rows,
    )


def _lists(person: Person, served: Served, jobs: list[str]) -> None:
    token, job = served.token(), jobs[len(jobs) // 2]
    ways = {
        "one job, gateway": lambda: _read(served, f"/compute/jobs/perlmutter/{job}", token),
        "one job, ssh host squeue": lambda: person.ssh("squeue", "-h", "-j", job).encode(),
        "one job, slurmrestd": lambda: repr(person.rest(f"/job/{job}")).encode(),
        "list, gateway": lambda: _read(served, "/compute/jobs/perlmutter", token),
        "list, gateway, gzip": lambda: _read(served, "/compute/jobs/perlmutter", token, "gzip"),
        "list, ssh host squeue, 8 columns": lambda: person.ssh("squeue", "-h").encode(),
        "list, ssh host squeue, all columns": lambda: person.ssh("squeue", "-h", "-o", "'%all'").encode(),
        "list, slurmrestd": lambda: repr(person.rest("/jobs")).encode(),
    }
    rows = []
    for name, read in ways.items():
        times = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            size = len(read())
            times.append((time.perf_counter() - started) * 1000)
        rows.append([name, f"{statistics.median(times):,.1f} ms", f"{min(times):,.1f} ms", f"{size / 1e6:.2f} MB"])
    table(
        f"P5 reading {len(jobs):,} jobs of Slurm {person.cluster.slurm_version} (goal: list under 150 ms)",
        ["way", "median", "fastest", "size"],
        rows,
    )


def _read(served: Served, path: str, token: str, encoding: str = "identity") -> bytes:
    headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": encoding}
    with urllib.request.urlopen(urllib.request.Request(served.base_url + path, headers=headers), timeout=60) as answer:
        body: bytes = answer.read()
    return body
