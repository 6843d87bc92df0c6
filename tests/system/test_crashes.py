"""Goal R1: the server is killed at every commit point and at random; every accepted task ends as its kind promises."""

import json
import random
import re
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from superfacility.testing.tokens import sign_assertion

TAKEN_UP_WITHIN = 10.0  # seconds after a start, goal R1
CRASHING_SERVER = str(Path(__file__).with_name("crashing_server.py"))


@dataclass
class Accepted:
    """What the server has said yes to: task id and the mark that its effect leaves."""

    jobs: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    transfers: dict[str, str] = field(default_factory=dict)


@dataclass
class Caller:
    """A program that goes on asking for work until the server dies under it."""

    facility: Any
    key: dict[str, Any]
    accepted: Accepted

    @property
    def home(self) -> Path:
        return Path(self.facility.directory) / "home" / "demo1"

    def session(self) -> httpx.Client:
        with httpx.Client(timeout=10) as plain:
            token = plain.post(
                self.facility.token_url,
                data={
                    "grant_type": "client_credentials",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": sign_assertion(
                        self.key["secret"], self.key["client_id"], self.facility.token_url
                    ),
                },
            ).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.facility.base_url + "/", headers=headers, timeout=10)

    def ask(self, session: httpx.Client) -> None:
        """One job, one command, one transfer."""
        mark = f"r1-{uuid4().hex[:12]}"
        script = f"#!/bin/sh\n#SBATCH -J {mark}\n#SBATCH -o /dev/null\ntrue\n"
        job = session.post("compute/jobs/perlmutter", data={"job": script, "isPath": "false"}).json()
        self.accepted.jobs[job["task_id"]] = mark
        line = f"echo {mark} >> commands.txt"
        command = session.post("utilities/command/perlmutter", data={"executable": line}).json()
        self.accepted.commands[command["task_id"]] = mark
        transfer = session.post(
            "storage/globus/transfer",
            data={
                "source_uuid": "perlmutter",
                "target_uuid": "hpss",
                "source_dir": f"{self.home}/hello.sh",
                "target_dir": f"/demo1/{mark}.sh",
            },
        ).json()
        self.accepted.transfers[transfer["transfer_id"]] = mark

    def until_it_dies(self) -> None:
        try:
            with self.session() as session:
                while True:
                    self.ask(session)
        except (httpx.TransportError, json.JSONDecodeError):
            return


def _start(facility: Any, kill_at: int) -> bool:
    """Start; False if it died before it was up."""
    try:
        facility.start(command=[sys.executable, CRASHING_SERVER, str(kill_at)])
    except AssertionError:
        facility.process.wait(10)
        return False
    return True


def _round(caller: Caller, kill_at: int) -> None:
    if not _start(caller.facility, kill_at):
        return
    timer = None
    if kill_at == 0:
        timer = threading.Timer(random.uniform(0.05, 1.0), caller.facility.kill)
        timer.start()
    caller.until_it_dies()
    if timer is not None:
        timer.join()
    else:
        caller.facility.kill()


@pytest.mark.timeout(3600)
def test_every_accepted_task_ends_as_its_kind_promises(new_facility: Callable[[], Any], soak: bool) -> None:
    facility = new_facility()
    key = json.loads(facility.key("demo1", "red").read_text())
    caller = Caller(facility, key, Accepted())
    rounds = 500 if soak else 100
    for number in range(1, rounds + 1):
        # The first commit points in turn, then deeper ones; each third round is killed at a random time instead.
        _round(caller, 0 if number % 3 == 0 else number % 60 + 1)
    assert _start(facility, 0)
    _settle(caller)
    _check_jobs(caller)
    _check_commands(caller)
    _check_transfers(caller)
    assert facility.stop() == 0
    with sqlite3.connect(Path(facility.directory) / "superfacility.db") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    database.close()


def _settle(caller: Caller) -> None:
    """Everything is taken up within the goal's time after the start, and ends."""
    end = time.monotonic() + TAKEN_UP_WITHIN + 60
    with caller.session() as session:
        while time.monotonic() < end:
            tasks = session.get("tasks").json()["tasks"]
            if all(task["status"] != "new" for task in tasks):
                return
            time.sleep(0.2)
    raise AssertionError(f"not ended: {[task for task in tasks if task['status'] == 'new'][:5]}")


def _task(session: httpx.Client, task_id: str) -> tuple[str, dict[str, Any]]:
    task = session.get(f"tasks/{task_id}").json()
    return task["status"], json.loads(task["result"])


def _check_jobs(caller: Caller) -> None:
    """Reconciled: exactly one job each, whose id the task knows."""
    assert len(caller.accepted.jobs) > 50
    with caller.session() as session:
        rows = session.get("compute/jobs/perlmutter", params={"sacct": "true", "cached": "false"}).json()["output"]
        names = Counter(row["jobname"] for row in rows)
        ids = {row["jobname"]: row["jobid"] for row in rows}
        for task_id, mark in caller.accepted.jobs.items():
            status, result = _task(session, task_id)
            assert (status, result["status"], result["jobid"]) == ("completed", "ok", ids.get(mark)), (task_id, result)
            assert names[mark] == 1
    assert max(names.values()) == 1


def _check_commands(caller: Caller) -> None:
    """At most once: never two runs; one that completed has run; one that failed says that it may have."""
    marks = Counter((caller.home / "commands.txt").read_text().split())
    assert max(marks.values()) == 1
    with caller.session() as session:
        for task_id, mark in caller.accepted.commands.items():
            status, result = _task(session, task_id)
            if status == "completed":
                assert marks[mark] == 1, (task_id, result)
            else:
                assert status == "failed"
                assert re.search("may have run", result["error"]), result


def _check_transfers(caller: Caller) -> None:
    """Repeatable: every file is there, whole, and nothing else."""
    archive = Path(caller.facility.directory) / "archive" / "demo1"
    expected = (caller.home / "hello.sh").read_bytes()
    with caller.session() as session:
        for transfer_id, mark in caller.accepted.transfers.items():
            answer = session.get(f"storage/globus/transfer/{transfer_id}").json()
            assert answer["globus_status"] == "SUCCEEDED", answer
            assert (archive / f"{mark}.sh").read_bytes() == expected
    assert not [path.name for path in archive.iterdir() if path.suffix != ".sh"]
