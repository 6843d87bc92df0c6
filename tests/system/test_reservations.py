"""Reservations of a real Slurm over HTTP: staff who are its operators make them and change them in part; everybody else
is told why not, and whom to ask."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from superfacility.testing.clusters import SlurmCluster

pytestmark = pytest.mark.timeout(180)

DEADLINE = 60
RESERVATIONS = "/reservations/perlmutter"


class Caller:
    """Somebody with a red token."""

    def __init__(self, facility: Any, name: str) -> None:
        token = facility.token(json.loads(facility.key(name, "red").read_text()))
        self.http = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE)
        self._base = facility.base_url

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"{self._base}{path}", **options)

    def error(self, method: str, path: str = "", **options: Any) -> str | None:
        """What the task that this makes ends with."""
        accepted = self.call(method, RESERVATIONS + path, **options)
        assert (accepted.status_code, accepted.json().get("status")) == (200, "OK"), accepted.text
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            task = self.call("GET", f"/tasks/{accepted.json()['task_id']}?wait=5").json()
            if task["status"] in {"completed", "failed"}:
                return json.loads(task["result"])["error"]  # type: ignore[no-any-return]
        raise AssertionError(task)

    def read(self, name: str) -> dict[str, Any]:
        answer = self.call("GET", f"{RESERVATIONS}/{name}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
def alice(slurm_facility: Any) -> Iterator[Caller]:
    caller = Caller(slurm_facility, slurm_facility.first)
    with caller.http:
        yield caller


@pytest.fixture(scope="module")
def operator(slurm_facility: Any, cluster: SlurmCluster) -> Iterator[Caller]:
    name = cluster.service_account
    slurm_facility.admin("user", "add", name, "--staff")
    caller = Caller(slurm_facility, name)
    with caller.http:
        yield caller


def soon(**later: float) -> datetime:
    return datetime.now(UTC).replace(microsecond=0) + timedelta(**later)


@pytest.fixture
def made(slurm_facility: Any, operator: Caller) -> Iterator[dict[str, Any]]:
    """A node for alice, tomorrow."""
    form = {"name": f"beam{uuid4().hex[:8]}", "users": slurm_facility.first, "nodes": 1}
    times = {"start": soon(days=1).isoformat(), "end": soon(days=1, hours=1).isoformat()}
    assert operator.error("POST", data=form | times) is None
    yield operator.read(form["name"])
    operator.error("DELETE", f"/{form['name']}")


def test_each_part_is_changed_alone(slurm_facility: Any, operator: Caller, made: dict[str, Any]) -> None:
    first, second = slurm_facility.first, slurm_facility.second
    assert made["nodes"] == 1
    assert made["cores"] > 1, "Slurm tells both"
    path, end = f"/{made['name']}", soon(days=1, hours=3).isoformat()
    for sent in ({"end": end}, {"users": [first, second]}, {"projects": ["m0001"], "users": []}, {"users": [second]}):
        assert operator.error("POST", path, json=sent) is None
        made = made | sent
        found = operator.read(made["name"])
        assert found | {"users": sorted(found["users"])} == made
    assert operator.error("POST", path, json={"nodes": 2}) is None
    assert operator.read(made["name"]) == made | {"nodes": 2, "cores": 2 * made["cores"]}


def test_one_that_has_begun_is_changed(slurm_facility: Any, operator: Caller, made: dict[str, Any]) -> None:
    path = f"/{made['name']}"
    end = time.monotonic() + DEADLINE
    while error := operator.error("POST", path, json={"start": soon(seconds=5).isoformat()}):
        assert "nodes are busy" in error, error
        assert time.monotonic() < end, error
        time.sleep(1)
    end = time.monotonic() + DEADLINE
    while (begun := operator.read(made["name"]))["state"] != "ACTIVE":
        assert time.monotonic() < end, begun
        time.sleep(0.2)
    sent = {"start": begun["start"], "end": soon(days=2).isoformat()}
    assert operator.error("POST", path, json=sent) is None
    assert operator.read(made["name"]) == begun | sent
    refused = operator.call("POST", RESERVATIONS + path, json={"start": soon(hours=1).isoformat()})
    assert (refused.status_code, "has begun" in refused.text) == (409, True)


def test_cores_are_changed_by_a_new_one(operator: Caller, made: dict[str, Any]) -> None:
    error = operator.error("POST", f"/{made['name']}", json={"cores": 2})
    assert error is not None
    assert f"delete '{made['name']}' and create it anew" in error
    assert operator.read(made["name"]) == made


def test_others_are_told_whom_to_ask(slurm_facility: Any, alice: Caller, made: dict[str, Any]) -> None:
    """It is for alice, so the facility lets her try; Slurm does not."""
    times = {"start": soon(days=1).isoformat(), "end": soon(days=1, hours=1).isoformat()}
    for error in (
        alice.error("POST", data={"name": "own", "nodes": 1} | times),
        alice.error("POST", f"/{made['name']}", json={"end": soon(days=3).isoformat()}),
        alice.error("DELETE", f"/{made['name']}"),
    ):
        assert error == (
            f"The Slurm of perlmutter lets only its operators create, change and delete reservations, and "
            f"{slurm_facility.first} is none. Ask the facility's staff to do this for you."
        )
    assert alice.read(made["name"]) == made
