"""P2: from the submission to Slurm's job id, through the gateway and by the ways that a person would otherwise take."""

import asyncio
import contextlib
import http.client
import json
import sqlite3
import statistics
import time
import urllib.parse
from collections.abc import Callable, Coroutine
from contextlib import nullcontext
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.cluster import Person, facility_on, layers
from benchmarks.measure import busy_seconds, console, load, processor_seconds, ratio, table
from benchmarks.servers import Served
from superfacility.facility.commands import Command
from superfacility.facility.jobs import Intent, JobScript
from superfacility.facility.people import User, UserName
from superfacility.testing.clusters import SlurmCluster

ROUNDS = 30
SCRIPT = "#!/bin/sh\n#SBATCH -H\n#SBATCH -q regular\n#SBATCH -t 5\n#SBATCH -o /dev/null\ntrue\n"
RATE, SECONDS, BURSTS = 100, 5, 5
OURS, BY_REST = "gateway over SSH", "gateway over slurmrestd"
RECORDED = "  of it: until the result is written (before its commit)"
WARM, PERSON, REST = "sbatch on an open SSH connection", "ssh host sbatch", "POST to slurmrestd"

Submit = Callable[[], Coroutine[Any, Any, str]]


def run(cluster: SlurmCluster, folder: Path) -> None:
    person = Person(cluster, folder)
    try:
        with facility_on(cluster, folder) as by_ssh:
            with facility_on(cluster, folder, "slurmrestd") if cluster.rest_submits else nullcontext() as by_rest:
                figures = asyncio.run(_measure(person, by_ssh, by_rest))
            burst = _sustained(by_ssh)
    finally:
        person.cancel_all()
    _print(cluster, figures, burst)


async def _measure(person: Person, by_ssh: Served, by_rest: Served | None) -> dict[str, list[float]]:
    """Every way in turn, round by round; milliseconds."""
    user = User(person.cluster.users["alice"].uid, UserName(person.name))
    async with await person.connect() as warm, layers(person) as (transport, scheduler):

        async def through_transport() -> str:
            command = Command(("/bin/sh", "-c", "exec sbatch --parsable"), person.variables, stdin=SCRIPT.encode())
            return (await transport.run(user, command)).stdout.decode().strip()

        async def through_adapter() -> str:
            return await scheduler.submit(user, JobScript(SCRIPT, None), Intent(uuid4()))

        async def on_open_connection() -> str:
            return str((await warm.run("sbatch --parsable", input=SCRIPT, check=True)).stdout).strip()

        async def as_people_do() -> str:
            return (await asyncio.to_thread(person.ssh, "sbatch", "--parsable", stdin=SCRIPT)).strip()

        async def by_slurmrestd() -> str:
            return str((await asyncio.to_thread(person.rest, "/job/submit", _body(person)))["job_id"])

        gateways = {OURS: Gateway(by_ssh)}
        ways: dict[str, Submit] = {
            OURS: gateways[OURS].submit,
            "  of it: scheduler adapter": through_adapter,
            "  of it: sbatch through the transport": through_transport,
            WARM: on_open_connection,
            PERSON: as_people_do,
        }
        if by_rest is not None:
            gateways[BY_REST] = Gateway(by_rest)
            ways |= {BY_REST: gateways[BY_REST].submit, REST: by_slurmrestd}
        figures: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS + 2):
            for name, submit in ways.items():
                started = time.perf_counter()
                job = await submit()
                passed = (time.perf_counter() - started) * 1000
                assert job.isdigit(), job
                if turn >= 2:  # the first ones open connections
                    figures[name].append(passed)
    return _with_recorded(figures, gateways)


def _with_recorded(figures: dict[str, list[float]], gateways: dict[str, "Gateway"]) -> dict[str, list[float]]:
    """Behind each gateway's figures those of its records: a caller cannot be told sooner than it asks."""
    more: dict[str, list[float]] = {}
    for name, each in figures.items():
        more[name] = each
        if name in gateways:
            more[f"{RECORDED}{' ' * list(gateways).index(name)}"] = gateways[name].recorded()[-ROUNDS:]
    return more


def _body(person: Person) -> dict[str, Any]:
    variables = {"PATH": "/usr/bin:/bin"}
    plain = person.data_parser < "v0.0.39"
    job = {
        "name": "bench",
        "hold": True,
        "qos": "regular",
        "time_limit": 5 if plain else {"set": True, "number": 5},
        "standard_output": "/dev/null",
        "current_working_directory": str(person.cluster.home("alice")),
        "environment": variables if plain else [f"{name}={value}" for name, value in variables.items()],
    }
    return {"job": job, "script": "#!/bin/sh\ntrue\n"}


class Gateway:
    """A program that submits and reads its task until the job's id is there, on one connection."""

    def __init__(self, served: Served) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
        self.headers = {"Authorization": f"Bearer {served.token()}"}
        self.database = served.directory / "superfacility.db"
        self.asked: list[tuple[int, float]] = []

    async def submit(self) -> str:
        return await asyncio.to_thread(self._submit)

    def recorded(self) -> list[float]:
        """Milliseconds from each request to the moment that its task's record was given the job's id."""
        with contextlib.closing(sqlite3.connect(self.database)) as connection:
            moments = dict(connection.execute("SELECT id, updated_at FROM tasks"))
        return [moments[task] / 1000 - asked * 1000 for task, asked in self.asked]

    def _submit(self) -> str:
        asked = time.time()
        task = self._call("POST", "/compute/jobs/perlmutter", {"job": SCRIPT, "isPath": "false"})["task_id"]
        self.asked.append((int(task), asked))
        while (answer := self._call("GET", f"/tasks/{task}"))["status"] == "new":
            time.sleep(0.001)
        result = json.loads(answer["result"])
        assert result["status"] == "ok", result
        return str(result["jobid"])

    def _call(self, method: str, path: str, form: dict[str, str] | None = None) -> Any:
        body = urllib.parse.urlencode(form) if form else None
        kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
        self.connection.request(method, f"/api/v1.2{path}", body, self.headers | kind)
        return json.loads(self.connection.getresponse().read())


@dataclass(frozen=True)
class Burst:
    """p99 of accepting in ms, the rate at which jobs reached Slurm, and ms of processor time a submission: the
    gateway's, and everything's."""

    p99: float
    rate: float
    own: float
    all: float


def _sustained(served: Served) -> Burst:
    """Medians of some bursts of RATE submissions/s. That all are done the database tells: asking the gateway again and
    again would be a load of its own."""
    token = served.token()
    body = urllib.parse.urlencode({"job": SCRIPT, "isPath": "false"})
    request = (
        "POST /api/v1.2/compute/jobs/perlmutter HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    bursts = [_burst(served, request) for _ in range(BURSTS)]
    return Burst(*(statistics.median(getattr(each, field.name) for each in bursts) for field in fields(Burst)))


def _burst(served: Served, request: str) -> Burst:
    own, everything, started = processor_seconds(served.process.pid), busy_seconds(), time.perf_counter()
    result = load(served.port, [request], seconds=SECONDS, rate=RATE)
    with contextlib.closing(sqlite3.connect(served.directory / "superfacility.db")) as connection:
        while connection.execute("SELECT count(*) FROM tasks WHERE status = 'new'").fetchone()[0]:
            time.sleep(0.05)
    count, passed = result["requests"], time.perf_counter() - started
    own, everything = processor_seconds(served.process.pid) - own, busy_seconds() - everything
    return Burst(result["p99_ms"], count / passed, 1000 * own / count, 1000 * everything / count)


def _print(cluster: SlurmCluster, figures: dict[str, list[float]], burst: Burst) -> None:
    ours = figures[OURS]
    compared = {
        OURS: f"{ratio(ours, figures[WARM]):.2f} x the open connection (goal 1.5)",
        PERSON: f"{ratio(figures[PERSON], ours):.1f} x the gateway (goal 5)",
    }
    if BY_REST in figures:
        compared[BY_REST] = f"{ratio(figures[BY_REST], figures[REST]):.2f} x slurmrestd's own (goal 2)"
    else:
        console.print(f"By slurmrestd: left out, that of Slurm {cluster.slurm_version} gets no submissions.")
    table(
        f"P2 submission to job id, Slurm {cluster.slurm_version} (ms, {ROUNDS} rounds in turn)",
        ["way", "median", "fastest", "compared"],
        [
            [name, f"{statistics.median(each):.1f}", f"{min(each):.1f}", compared.get(name, "")]
            for name, each in figures.items()
        ],
    )
    table(
        f"P2 {RATE} submissions/s for {SECONDS} s, one user (medians of {BURSTS})",
        ["accept p99 (goal 50 ms)", "reached Slurm (goal 100/s)", "processor time each", "of it the gateway's"],
        [[f"{burst.p99:.0f} ms", f"{burst.rate:.0f}/s", f"{burst.all:.1f} ms", f"{burst.own:.1f} ms"]],
    )
