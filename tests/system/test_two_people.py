"""Two people on a real Slurm, over SSH: each acts with their own rights and nobody else's (goal S8)."""

import json
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from sfapi_client import Client, SfApiError
from sfapi_client.compute import Machine
from sfapi_client.jobs import JobCommand, JobState

pytestmark = pytest.mark.timeout(180)

LONG = "#!/bin/bash\n#SBATCH -q debug -A m0001 -t 5\necho a secret of $USER\nsleep 300\n"


class Person:
    """Somebody with a red client of their own: the official client, and plain HTTP with its token."""

    def __init__(self, facility: Any, name: str) -> None:
        self.name = name
        self.home: Path = facility.home(name)
        self.client = Client(
            key=facility.key(name, "red"),
            api_base_url=facility.base_url,
            token_url=facility.token_url,
            wait_interval=1,
        )
        self.machine = self.client.compute(Machine.perlmutter)
        self._base = facility.base_url

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        self.client.user()  # renews the token
        headers = {"Authorization": f"Bearer {self.client.token}"}
        return httpx.request(method, f"{self._base}{path}", headers=headers, timeout=60, **options)

    def result(self, answer: httpx.Response) -> dict[str, Any]:
        """What became of the task that an answer names."""
        assert answer.status_code == 200, answer.text
        body = answer.json()
        if body["status"] == "ERROR":
            return {"status": "error", "error": body["error"]}
        end = time.monotonic() + 60
        while True:
            task = self.call("GET", f"/tasks/{body['task_id']}").json()
            if task["status"] != "new":
                found = task["result"]
                return json.loads(found) if isinstance(found, str) else found
            assert time.monotonic() < end, task
            time.sleep(0.2)


@pytest.fixture(scope="module")
def alice(slurm_facility: Any) -> Iterator[Person]:
    person = Person(slurm_facility, slurm_facility.first)
    yield person
    person.client.close()


@pytest.fixture(scope="module")
def bob(slurm_facility: Any) -> Iterator[Person]:
    person = Person(slurm_facility, slurm_facility.second)
    yield person
    person.client.close()


@pytest.fixture(scope="module")
def job(alice: Person) -> Iterator[Any]:
    """A job of alice that runs."""
    job = alice.machine.submit_job(LONG)
    job.running()
    yield job
    job.cancel()


@pytest.mark.parametrize(
    "act",
    [
        lambda who, job: who.call("DELETE", f"/compute/jobs/perlmutter/{job}"),
        lambda who, job: who.call("POST", f"/compute/jobs/perlmutter/{job}/hold"),
        lambda who, job: who.call("POST", f"/compute/jobs/perlmutter/{job}/release"),
        lambda who, job: who.call("POST", f"/compute/jobs/perlmutter/{job}/requeue"),
        lambda who, job: who.call("PATCH", f"/compute/jobs/perlmutter/{job}", json={"time_limit": 1}),
    ],
    ids=["cancel", "hold", "release", "requeue", "change"],
)
def test_nobody_acts_on_anothers_job(
    alice: Person, bob: Person, job: Any, act: Callable[[Person, str], httpx.Response]
) -> None:
    result = bob.result(act(bob, job.jobid))
    assert result["status"] == "error"
    assert "denied" in result["error"] or "another user" in result["error"]
    assert alice.machine.job(job.jobid, command=JobCommand.squeue).state == JobState.RUNNING


def test_many_jobs_are_cancelled_each_by_its_owner_only(alice: Person, bob: Person, job: Any) -> None:
    own = bob.machine.submit_job(LONG)
    result = bob.result(bob.call("POST", "/compute/jobs/perlmutter/cancel", json={"jobids": [own.jobid, job.jobid]}))
    by_job = {job_id: each["status"] for job_id, each in result["jobs"].items()}
    assert by_job == {own.jobid: "ok", job.jobid: "error"}
    assert alice.machine.job(job.jobid, command=JobCommand.squeue).state == JobState.RUNNING


def test_what_a_job_prints_is_its_owners(alice: Person, bob: Person, job: Any) -> None:
    path = f"/compute/jobs/perlmutter/{job.jobid}/output"
    assert f"a secret of {alice.name}" in alice.call("GET", path).text
    refused = bob.call("GET", path)
    assert refused.status_code in {403, 404, 422}
    assert "secret" not in refused.text


def test_homes_are_private(alice: Person, bob: Person) -> None:
    (home,) = alice.machine.ls(str(alice.home), directory=True)
    (home / "mine.txt").upload(BytesIO(b"mine"))
    with pytest.raises(SfApiError, match="Permission denied"):
        bob.machine.ls(str(alice.home))
    with pytest.raises(SfApiError, match="Permission denied"):
        bob.machine.run(f"cat {alice.home}/mine.txt")
    for method, options in (("GET", {}), ("PUT", {"files": {"file": b"theirs"}})):
        verb = "download" if method == "GET" else "upload"
        answer = bob.call(method, f"/utilities/{verb}/perlmutter/{alice.home}/mine.txt", **options)
        assert "Permission denied" in answer.text
    assert alice.machine.run("cat mine.txt") == "mine"


def test_a_shared_projects_folder_is_shared(alice: Person, bob: Person, cluster: Any) -> None:
    folder = cluster.filesystems["project"] / "m0001"
    alice.machine.run(f"echo shared > {folder}/shared.txt")
    assert bob.machine.run(f"cat {folder}/shared.txt") == "shared\n"


def test_commands_run_as_the_caller_in_their_own_login_environment(alice: Person, bob: Person) -> None:
    bob.machine.run("echo 'export FROM_PROFILE=yes' > .bash_profile")
    try:
        for person, profile in ((alice, ""), (bob, "yes")):
            seen = person.machine.run("id -un; pwd; echo $FROM_PROFILE")
            assert seen == f"{person.name}\n{person.home}\n{profile}\n"
    finally:
        bob.machine.run("rm .bash_profile")


def test_tasks_are_ones_own(alice: Person, bob: Person) -> None:
    task = alice.call("POST", "/utilities/command/perlmutter", data={"executable": "true"}).json()["task_id"]
    assert bob.call("GET", f"/tasks/{task}").status_code == 404
    assert bob.call("DELETE", f"/tasks/{task}").status_code == 404
