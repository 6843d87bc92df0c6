"""The whole served gateway on a real Slurm whose daemons are stopped, paused and killed (goals R2, R3, R5, R10)."""

import json
import socket
import statistics
import subprocess
import time
import tomllib
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.system.own_programs import OwnPrograms, own_programs

from superfacility.cli.configuration import render
from superfacility.testing.clusters import SlurmCluster

pytestmark = pytest.mark.timeout(300)

PERIOD = 1.0
DEADLINE = 90.0
ANSWER_WITHIN = 20.0
"""One answer after a fault takes five seconds by design; who waited for the controller would take thirty and more."""
IMPATIENT = 1.0
"""Who asks for what is known not to answer waits for half a second; who would wait for it again, for two and more."""
ACCEPT_WITHIN = 9.0
"""sfapi_client sends again what took over ten."""
HELD = "#!/bin/bash\n#SBATCH -J {name} -q debug -A m0001 -t 5 --hold\nexit 0\n"
BRIEF = "#!/bin/bash\n#SBATCH -J {name} -q debug -A m0001 -t 5\nwhile [ ! -e ~/{name} ]; do sleep 0.1; done\n"


VARIANTS = {
    "test_without_the_controller_reads_answer_and_a_submission_becomes_one_job": ("disturb", ["pause", "kill"]),
    "test_without_the_login_node_reads_answer_and_submissions_wait": ("disturb", ["stop", "pause"]),
    "test_many_pollers_share_the_readings": ("fresh", [0, 5]),
}
"""`make test` tries the first of each, `make soak` all: a fault takes half a minute to come and go."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.function.__name__ in VARIANTS:
        argument, values = VARIANTS[metafunc.function.__name__]
        metafunc.parametrize(argument, values if metafunc.config.getoption("--soak") else values[:1])


class Caller:
    """The first user, by plain HTTP; a gateway that was started again has another address."""

    def __init__(self, facility: Any, key: dict[str, Any]) -> None:
        token = facility.token(key)
        self.base_url = facility.base_url
        self.headers = {"Authorization": f"Bearer {token}"}
        self.http = httpx.Client(base_url=facility.base_url, headers=self.headers, timeout=60)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str) -> tuple[httpx.Response, float]:
        """The answer, and the seconds that it took."""
        began = time.monotonic()
        return self.http.get(path), time.monotonic() - began

    def jobs(self, query: str = "") -> dict[str, Any]:
        answer, took = self.get(f"/compute/jobs/perlmutter{query}")
        assert answer.status_code == 200, answer.text
        assert took < ANSWER_WITHIN
        body: dict[str, Any] = answer.json()
        return body

    def states(self, query: str = "") -> dict[str, str]:
        return {row["jobid"]: row["state"] for row in self.jobs(query)["output"]}

    def accept(self, script: str) -> str:
        """Have a submission accepted; the id of its task."""
        began = time.monotonic()
        answer = self.http.post("/compute/jobs/perlmutter", data={"job": script, "isPath": "false"})
        assert time.monotonic() - began < ACCEPT_WITHIN
        assert answer.status_code == 200, answer.text
        assert answer.json()["status"] == "OK", answer.text
        return str(answer.json()["task_id"])

    def result(self, task_id: str) -> dict[str, Any]:
        def ended() -> Any:
            task = self.http.get(f"/tasks/{task_id}").json()
            return task if task["status"] not in {"new", "active"} else None

        task = wait_for(ended)
        found = task["result"]
        return dict(json.loads(found)) if isinstance(found, str) and found.startswith("{") else {"error": found}

    def submit(self, script: str) -> str:
        return str(self.result(self.accept(script))["jobid"])


def wait_for(look: Callable[[], Any], seconds: float = DEADLINE) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found


def named(cluster: SlurmCluster, name: str) -> list[str]:
    """Ids of all jobs of that name, by a way that is not ours."""
    return cluster.root("squeue", "-h", "-t", "all", "-n", name, "-o", "%i").stdout.split()


def as_of(body: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(body["data_as_of"])


@pytest.fixture(scope="module")
def silent_port() -> Iterator[int]:
    """A machine that lets everybody connect and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(512)
        yield listener.getsockname()[1]


@pytest.fixture(scope="module")
def programs() -> Iterator[OwnPrograms]:
    """The gateway's."""
    with own_programs() as found:
        yield found


@pytest.fixture(scope="module")
def gateway(new_slurm_facility: Callable[[], Any], silent_port: int, programs: OwnPrograms) -> Iterator[Any]:
    facility = new_slurm_facility()
    file = Path(facility.config)
    settings = tomllib.loads(file.read_text())
    good = settings["systems"]["perlmutter"]
    good["refresh_seconds"] = PERIOD
    good["scheduler"] |= {"read_seconds": 4.0, "bin": str(programs.folder)}
    good["transport"]["connect_timeout"] = 2.0
    transport = good["transport"] | {"port": silent_port}
    settings["systems"]["blackhole"] = good | {"full_name": "Black hole", "transport": transport}
    settings.setdefault("limits", {})["rates"] = {"client_per_second": 0}  # one client stands for all
    file.write_text(render(settings))
    facility.start()
    yield facility
    facility.stop()


@pytest.fixture(scope="module")
def key(gateway: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(gateway.key(gateway.first, "red")).read_text())
    return found


@pytest.fixture
def alice(gateway: Any, key: dict[str, Any]) -> Iterator[Caller]:
    """With a reading of this moment."""
    with Caller(gateway, key) as caller:
        wait_for(lambda: not caller.jobs().get("stale"))
        yield caller


@pytest.fixture
def name(cluster: SlurmCluster) -> Iterator[str]:
    """A name for this test's jobs, which end with it."""
    found = f"fault-{uuid.uuid4().hex[:12]}"
    yield found
    cluster.repair()
    cluster.root("scancel", "-n", found)


@pytest.mark.soak
def test_without_the_controller_reads_answer_and_a_submission_becomes_one_job(
    alice: Caller, cluster: SlurmCluster, name: str, disturb: str
) -> None:
    job = alice.submit(HELD.format(name=name))
    wait_for(lambda: alice.states().get(job) == "PENDING")
    cluster.root("scontrol", "reconfigure")  # writes what it knows, as a controller that is killed would not
    getattr(cluster, disturb)("slurmctld")
    wait_for(lambda: alice.jobs().get("stale"))
    then = as_of(alice.jobs())
    assert alice.states()[job] == "PENDING"
    assert as_of(alice.jobs(f"/{job}")) == then
    answer = httpx.get(f"{alice.base_url}/status", timeout=30)
    assert answer.status_code == 200
    task = alice.accept(HELD.format(name=f"{name}-2"))
    cluster.repair()
    began = time.monotonic()
    wait_for(lambda: not alice.jobs().get("stale"))
    print(f"reads are young again {time.monotonic() - began:.1f} s after the controller")
    second = str(alice.result(task)["jobid"])
    assert named(cluster, f"{name}-2") == [second]
    cluster.root("scancel", second)


def test_without_accounting_no_job_ends_falsely(alice: Caller, cluster: SlurmCluster, name: str) -> None:
    job = alice.submit(BRIEF.format(name=name))
    wait_for(lambda: alice.states().get(job) == "RUNNING")
    cluster.pause("slurmdbd")
    (cluster.home("alice") / name).touch()
    seen = set()

    def ended() -> bool:
        seen.update(alice.states().values())
        return not cluster.root("squeue", "-h", "-t", "R,CG", "-j", job, "-o", "%i").stdout.strip()

    wait_for(ended)
    seen.update(row["state"] for row in alice.jobs(f"/{job}")["output"])
    assert not seen & {"FAILED", "CANCELLED", "NODE_FAIL", "TIMEOUT"}
    answer, took = alice.get(f"/compute/jobs/perlmutter/{job}?sacct=true")
    print(f"accounting paused: {answer.status_code} after {took:.1f} s: {answer.text[:200]}")
    assert answer.status_code in {200, 503}
    assert took < 12, "programs give up after ten seconds, and a little is the machine's"
    cluster.repair()

    def told() -> bool:
        answer, _ = alice.get(f"/compute/jobs/perlmutter/{job}?sacct=true")
        rows = answer.json().get("output") or [] if answer.status_code == 200 else []
        return any(row["state"] == "COMPLETED" for row in rows)

    wait_for(told)
    (cluster.home("alice") / name).unlink()


@pytest.mark.soak
def test_without_the_login_node_reads_answer_and_submissions_wait(
    alice: Caller, cluster: SlurmCluster, name: str, disturb: str
) -> None:
    job = alice.submit(HELD.format(name=name))
    wait_for(lambda: alice.states().get(job) == "PENDING")
    children = subprocess.run(["pgrep", "-P", str(cluster.pid("sshd"))], capture_output=True, text=True).stdout.split()
    getattr(cluster, disturb)("sshd")
    if children:
        subprocess.run(["kill", *children], check=False)  # the connections that are open
    wait_for(lambda: alice.jobs().get("stale"))
    assert alice.states()[job] == "PENDING"
    task = alice.accept(HELD.format(name=f"{name}-2"))
    began = time.monotonic()
    answer = alice.http.get("/utilities/ls/perlmutter//tmp")
    print(f"a listing without sshd: {answer.status_code} after {time.monotonic() - began:.1f} s: {answer.text[:150]}")
    assert answer.status_code == 503 or answer.json()["status"] == "ERROR"
    cluster.repair()
    second = str(alice.result(task)["jobid"])
    assert named(cluster, f"{name}-2") == [second]
    cluster.root("scancel", second)


def test_a_killed_gateway_makes_one_job_of_each_submission(
    gateway: Any, alice: Caller, key: dict[str, Any], cluster: SlurmCluster, name: str
) -> None:
    """It is started again while the controller is still away, and answers from what it kept."""
    job = alice.submit(HELD.format(name=name))
    wait_for(lambda: alice.states().get(job) == "PENDING")
    cluster.pause("slurmctld")
    tasks = [alice.accept(HELD.format(name=f"{name}-{each}")) for each in range(4)]
    wait_for(lambda: "sbatch" in subprocess.run(["ps", "-eo", "comm"], capture_output=True, text=True).stdout)
    gateway.kill()
    gateway.start()
    with Caller(gateway, key) as again:
        body = again.jobs()
        assert body["data_as_of"]
        assert {row["jobid"]: row["state"] for row in body["output"]}[job] == "PENDING"
        wait_for(lambda: again.jobs().get("stale"))
        cluster.repair()
        made = [str(again.result(task)["jobid"]) for task in tasks]
    assert [named(cluster, f"{name}-{each}") for each in range(4)] == [[each] for each in made]
    cluster.root("scancel", *made)


@pytest.mark.soak
def test_many_pollers_share_the_readings(alice: Caller, programs: OwnPrograms, fresh: int) -> None:
    """One a period, however many poll; those who want fresh data get more readings, but never two at once."""
    pollers, seconds = 50, 6.0
    before, began = programs.asked(), time.monotonic()
    moments: set[str] = set()

    def poll(number: int) -> int:
        done = 0
        with httpx.Client(base_url=alice.base_url, headers=alice.headers, timeout=60) as http:
            while (now := time.monotonic()) < began + seconds:
                query = "?cached=false" if number < fresh else ""
                answer = http.get(f"/compute/jobs/perlmutter{query}")
                assert answer.status_code == 200
                moments.add(answer.headers["x-data-as-of"])
                done += 1
                time.sleep(max(0.0, now + 0.2 - time.monotonic()))
        return done

    at_once = 0
    with ThreadPoolExecutor(pollers) as pool:
        polls = [pool.submit(poll, number) for number in range(pollers)]
        while time.monotonic() < began + seconds:
            at_once = max(at_once, programs.under_way)
            time.sleep(0.02)
    answered = sum(each.result() for each in polls)
    took, asked = time.monotonic() - began, programs.asked() - before
    print(f"{answered} answers ({fresh} of {pollers} want fresh ones) in {took:.1f} s cost {asked} readings")
    assert answered > pollers
    assert at_once <= 1
    assert moments
    assert fresh or len(moments) <= took / PERIOD + 2, "one more that was there, and one at each end"
    assert fresh or asked <= took / PERIOD + 2


def test_a_silent_machine_is_no_trouble_for_another(alice: Caller) -> None:
    def refused_at_once() -> bool:
        answer, took = alice.get("/compute/jobs/blackhole")
        assert answer.status_code == 503, answer.text
        assert "retry-after" in answer.headers
        return took < IMPATIENT

    wait_for(refused_at_once)

    def answers() -> list[float]:
        return [alice.get("/compute/jobs/perlmutter")[1] for _ in range(100)]

    alone = answers()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(alice.get, "/compute/jobs/blackhole") for _ in range(100)]
        together = answers()
    took = [each.result()[1] for each in asked]
    usual, beside = 1000 * statistics.median(alone), 1000 * statistics.median(together)
    print(f"median {usual:.1f} ms alone, {beside:.1f} ms beside; refusals {max(took):.2f} s at most")
    assert {each.result()[0].status_code for each in asked} == {503}
    assert statistics.median(took) < IMPATIENT + max(together), "whatever the machine is busy with, they share"


def test_two_gateways_read_once(
    request: pytest.FixtureRequest,
    gateway: Any,
    alice: Caller,
    key: dict[str, Any],
    cluster: SlurmCluster,
    programs: OwnPrograms,
) -> None:
    """However slowly this machine asks the two in turn, they come to show the same readings."""
    other = type(gateway)(gateway.directory, first=gateway.first, second=gateway.second, cluster=cluster)
    request.addfinalizer(other.stop)
    other.start()
    with Caller(other, key) as second:
        before, began = programs.asked(), time.monotonic()
        seen: list[set[str]] = [set(), set()]

        def look() -> bool:
            for times, caller in zip(seen, (alice, second), strict=True):
                times.add(caller.jobs()["data_as_of"])
            return time.monotonic() > began + 6 * PERIOD and len(seen[0] & seen[1]) >= 4

        wait_for(look)
        took, asked = time.monotonic() - began, programs.asked() - before
    print(f"two gateways: {asked} readings in {took:.1f} s; {len(seen[0] & seen[1])} shown by both")
    assert len(seen[0] | seen[1]) <= took / PERIOD + 2, "one that was there, and one at each end"
    assert asked <= took / PERIOD + 2
