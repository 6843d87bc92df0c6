"""Goal R1: the server is killed at every commit point and at random; every accepted task ends as its kind promises."""

import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from superfacility.testing.postgresql import PostgreSQL

TAKEN_UP_WITHIN = 10.0  # seconds after a start, goal R1
PROJECT = "m0001"
CRASHING_SERVER = str(Path(__file__).with_name("crashing_server.py"))


@dataclass
class Accepted:
    """What the server has said yes to: task id and the mark that its effect leaves; and groups that it was asked for,
    whatever it said, each under its own name as the key."""

    jobs: dict[str, str] = field(default_factory=dict)
    commands: dict[str, str] = field(default_factory=dict)
    transfers: dict[str, str] = field(default_factory=dict)
    groups: list[str] = field(default_factory=list)


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
        headers = {"Authorization": f"Bearer {self.facility.token(self.key)}"}
        return httpx.Client(base_url=self.facility.base_url + "/", headers=headers, timeout=60)

    def ask(self, session: httpx.Client) -> None:
        """One job, one command, one transfer, one group."""
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
        self.accepted.groups.append(f"g{mark[-7:]}")
        self.make_group(session, self.accepted.groups[-1])

    def make_group(self, session: httpx.Client, name: str) -> httpx.Response:
        form = {"name": name, "repo_name": PROJECT}
        return session.post("account/groups", data=form, headers={"Idempotency-Key": name})

    def until_it_dies(self) -> None:
        try:
            with self.session() as session:
                while True:
                    self.ask(session)
        except (httpx.TransportError, json.JSONDecodeError):
            return


class CrashingServers:
    """Servers of one facility that kill themselves, one after the other."""

    def __init__(self, facility: Any) -> None:
        self.facility = facility
        self.child = 0
        self.serving = False
        self.log = facility.log.open("ab")
        command = [sys.executable, CRASHING_SERVER, "--config", facility.config, "--port", "0"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, start_new_session=True
        )

    def start(self, kill_at: int) -> bool:
        """False if it died before it was up."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{kill_at}\n")
        self.process.stdin.flush()
        self.child = int(self._line().removeprefix("child "))
        self.serving = True
        while (line := self._line()) != "ended":
            if found := re.search(r"http://\S+/api/v1\.2", line):
                self.facility.base_url = found.group()
                return True
        self.serving = False
        return False

    def end(self, how: signal.Signals = signal.SIGKILL) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.child, how)
        while self._line() != "ended":
            pass
        self.serving = False

    def _line(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.facility.log.read_text()[-4000:]
        return line.strip()

    def close(self) -> None:
        if self.serving:
            self.end()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
        self.log.close()


def _round(caller: Caller, servers: CrashingServers, kill_at: int) -> None:
    if not servers.start(kill_at):
        return
    timer = None
    if kill_at == 0:
        timer = threading.Timer(random.uniform(0.05, 0.8), os.kill, (servers.child, signal.SIGKILL))
        timer.start()
    caller.until_it_dies()
    if timer is not None:
        timer.join()
    servers.end()


@pytest.mark.timeout(3600)
def test_every_accepted_task_ends_as_its_kind_promises(new_facility: Callable[[], Any], soak: bool) -> None:
    facility = new_facility()
    ask = partial(_ask_sqlite, Path(facility.directory) / "superfacility.db")
    _kill_and_check(facility, 500 if soak else 40, ask)
    assert ask("PRAGMA integrity_check") == ["ok"]


@pytest.mark.timeout(3600)
def test_every_accepted_task_ends_as_its_kind_promises_on_postgresql(
    new_facility: Callable[[], Any], postgresql: PostgreSQL, soak: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql.new_database()
    monkeypatch.setenv("SFAPI_DATABASE", url)
    ask = partial(_ask_postgresql, url)
    _kill_and_check(new_facility(), 500 if soak else 12, ask)
    postgresql.execute("CREATE EXTENSION amcheck", url.rpartition("/")[2])
    assert ask(f"SELECT indexrelid FROM pg_index WHERE {OUR_BTREES} AND bt_index_check(indexrelid, true) IS NULL") == []


def _kill_and_check(facility: Any, rounds: int, ask: Callable[[str], list[Any]]) -> None:
    facility.configure(limits={"rates": {"client_per_second": 0}})  # thousands of answers are looked at in the end
    key = json.loads(facility.key("demo1", "red").read_text())
    caller = Caller(facility, key, Accepted())
    with contextlib.closing(CrashingServers(facility)) as servers:
        for number in range(1, rounds + 1):
            # Commit points up to the 150th, near and far in turn (the first dozens are those of a start); each third is
            # killed at a random time instead.
            _round(caller, servers, 0 if number % 3 == 0 else number * 37 % 150 + 1)
        while not (dead := set(ask(HOLDERS))):
            _round(caller, servers, 0)
        assert servers.start(0)
        _wait_until(lambda: not dead & set(ask(HOLDERS)), TAKEN_UP_WITHIN)
        _settle(caller)
        _check_jobs(caller, rounds)
        _check_commands(caller)
        _check_transfers(caller)
        _check_groups(caller, rounds, ask)
        servers.end(signal.SIGTERM)
    _check_audit(caller, ask)


def _check_audit(caller: Caller, ask: Callable[[str], list[Any]]) -> None:
    """Every accepted request has its row, and the chain of them is whole whoever was killed while it sealed."""
    command = [
        str(Path(sys.executable).with_name("sfapi")),
        "audit",
        "verify",
        "--json",
        "--config",
        caller.facility.config,
    ]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout)
    assert (found["whole"], found["waiting"], found["faults"]) == (True, 0, [])
    rows = Counter(ask("SELECT action FROM audit"))
    accepted = caller.accepted
    for action, tasks in (("compute.submit", accepted.jobs), ("utilities.command", accepted.commands)):
        assert rows[action] == ask(f"SELECT count(*) FROM tasks WHERE handler = '{action}'")[0] >= len(tasks)
    assert rows["storage.transfer"] >= len(accepted.transfers)


HOLDERS = "SELECT DISTINCT claimed_by FROM tasks WHERE status = 'new' AND claimed_by IS NOT NULL"
"""The workers in whose hands open tasks are."""
OUR_BTREES = "indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"


def _ask_sqlite(path: Path, question: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(path)) as database:
        return [row[0] for row in database.execute(question)]


def _ask_postgresql(url: str, question: str) -> list[Any]:
    with psycopg.connect(url, autocommit=True) as database:
        return [row[0] for row in database.execute(question)]


def _wait_until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)


def _settle(caller: Caller) -> None:
    with caller.session() as session:
        _wait_until(lambda: all(task["status"] != "new" for task in session.get("tasks").json()["tasks"]), 60)


def _task(session: httpx.Client, task_id: str) -> tuple[str, dict[str, Any]]:
    task = session.get(f"tasks/{task_id}").json()
    return task["status"], json.loads(task["result"])


def _check_jobs(caller: Caller, rounds: int) -> None:
    """Reconciled: exactly one job each, whose id the task knows."""
    assert len(caller.accepted.jobs) > rounds / 4
    with caller.session() as session:
        # without a start time, accounting begins at midnight, which may be in the middle of this test
        query = {"sacct": "true", "cached": "false", "kwargs": "starttime=now-1day"}
        rows = session.get("compute/jobs/perlmutter", params=query).json()["output"]
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


def _check_groups(caller: Caller, rounds: int, ask: Callable[[str], list[Any]]) -> None:
    """Changed at once: sent again under its key, each is there, or its sender is told to look. Done a second time, it
    would be refused, because there is a group of that name."""
    with caller.session() as session:
        answers = [caller.make_group(session, name) for name in caller.accepted.groups]
    lost = [each.json()["detail"] for each in answers if each.status_code != 200]
    assert len(lost) <= rounds < len(answers)
    assert all(re.search("its answer was lost|still being answered", each) for each in lost), lost
    made = set(ask("SELECT target FROM audit WHERE action = 'account.create_group'"))
    assert made >= {name for name, each in zip(caller.accepted.groups, answers, strict=True) if each.is_success}
