"""Commands of users over a connection that answers from memory: what is tried is what people and scripts read."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from superfacility.cli.user.description.schemas import ERROR, every_schema
from superfacility.cli.user.dispatch import run as dispatch
from superfacility.client.errors import SuperfacilityError
from superfacility.client.facilities import Facility
from superfacility.client.records.account import Account, Project, StorageUse
from superfacility.client.records.accounting import Allocation
from superfacility.client.records.files import Copied, Entry
from superfacility.client.records.jobs import Job, JobFiles, Jobs, Printed
from superfacility.client.records.status import Note, Outage, Resource
from superfacility.client.records.work import CommandResult, Reservation, Task, Transfer

AT = datetime(2026, 5, 31, 18, tzinfo=UTC)
LOCAL = AT.replace(tzinfo=None)
SCHEMAS = dict(every_schema())


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "id": "7", "system": "perlmutter", "name": "scan", "user": "demo1", "project": "m0001", "state": "RUNNING",
        "reason": "", "partition": "regular", "qos": "normal", "nodes": 1, "cpus": 4, "node_list": "nid001",
        "time_limit": "1:00:00", "elapsed": "0:10", "submitted_at": LOCAL, "started_at": LOCAL, "ended_at": LOCAL,
        "exit_code": None, "signal": None, "directory": "/home/demo1",
    }  # fmt: skip
    return Job(**{**fields, **changes})


ENDED = job(state="COMPLETED", exit_code=0, signal=0)
TASK = Task("9", "completed", {"status": "ok", "output": "out\n", "error": "", "exit_code": 0})
RESERVATION = Reservation("beam", AT, AT, 2, None, ("demo1",), (), "ACTIVE")


class FakeConnection:
    """Does what a test says, or the usual; keeps what was called."""

    facility = Facility("example", "https://api.example", system="perlmutter")
    session = SimpleNamespace(api="https://api.example/api/v1.2")

    def __init__(self) -> None:
        self.called: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = []
        self.answers: dict[str, Any] = {
            "account": Account(1, "demo1", "Ada", "Demo", "demo1@example.org"),
            "token_claims": {"sub": "demo1", "client_id": "c1", "level": "red", "scope": "a:b c:d", "exp": 1780000000},
            "projects": (Project("m0001", "Scans", "PI", 10.0, 4.0, 1.0, 0.0, 0.0, (StorageUse("home", 1.0, 2e9),)),),
            "allocations": (Allocation(1, "m0001", "cpu", 10.0, None, None, True, 4.0, 6.0, None, 1.0),),
            "resources": (Resource("perlmutter", "Perlmutter", "active", "fine", "compute", (), AT),),
            "resource": Resource("perlmutter", "Perlmutter", "degraded", "slow", "compute", ("look",), AT),
            "notes": (Note("perlmutter", "look", True, AT),),
            "outages": (Outage("perlmutter", "Planned", AT, None, "new disks", ""),),
            "jobs": Jobs((job(), job(id="8", state="PENDING", reason="Resources", node_list=""))),
            "job_elements": Jobs((job(),)),
            "job_files": JobFiles("7", "/home/demo1", "/home/demo1/o", "/home/demo1/e", "/home/demo1/job.sh", "text"),
            "submit": "7",
            "wait_for_job": (ENDED,),
            "cancel": {},
            "hold": None,
            "release": None,
            "job_output": lambda *_, offset=0, **__: Printed(b"out\n"[offset:], offset, 4, True),
            "follow_output": lambda *_, **__: iter([Printed(b"out\n", 0, 4)]),
            "start_command": "9",
            "wait_for_task": TASK,
            "run": CommandResult("/home/demo1", "", 0),
            "ls": (Entry(".", "drwxr-xr-x", "demo1", "demo1", 4096, "today"), *_FILES),
            "pieces": lambda *_: iter([b"one", b"two\n"]),
            "upload": lambda source, system, path, **_: Copied(str(source), f"{system}:{path}", 3, "ab" * 32),
            "start_transfer": "t-1",
            "transfer": Transfer("t-1", "ACTIVE", 100, 50, None, ""),
            "wait_for_transfer": Transfer("t-1", "SUCCEEDED", 200, 50, AT, ""),
            "tasks": (TASK, Task("10", "new", None)),
            "task": TASK,
            "cancel_task": Task("9", "cancelled", {"status": "error", "error": "Cancelled."}),
            "reservations": (RESERVATION,),
            "reservation": RESERVATION,
            "create_reservation": None,
            "change_reservation": None,
            "delete_reservation": None,
            "only_system": "perlmutter",
        }

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in self.answers:
            raise AttributeError(name)

        def call(*arguments: Any, **named: Any) -> Any:
            self.called.append((name, arguments, named))
            answer = self.answers[name]
            if isinstance(answer, BaseException):
                raise answer
            return answer(*arguments, **named) if callable(answer) else answer

        return call

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        return [(arguments, named) for called, arguments, named in self.called if called == name]

    def __enter__(self) -> "FakeConnection":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def close(self) -> None:
        return None


_FILES = (
    Entry("raw.h5", "-rw-r--r--", "demo1", "demo1", 10, "today"),
    Entry(".hidden", "-rw-------", "demo1", "demo1", 1, "today"),
)


@dataclass
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    def document(self, command: str) -> Any:
        """What it printed as JSON, checked against its schema."""
        assert self.code == 0, self.err
        found = json.loads(self.out)
        jsonschema.validate(found, SCHEMAS[command])
        return found

    def error(self) -> dict[str, Any]:
        """What it said of its failure as JSON."""
        found = json.loads(self.err.splitlines()[-1])
        jsonschema.validate(found, ERROR)
        error: dict[str, Any] = found["error"]
        return error


Run = Callable[..., Done]


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    found = FakeConnection()
    monkeypatch.setattr("superfacility.client.connection.Connection", lambda *_, **__: found)
    return found


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing of whoever runs the tests is looked at."""
    for name in ("SFAPI_FACILITY", "SFAPI_URL", "SFAPI_SYSTEM", "SFAPI_KEY", "SFAPI_TOKEN", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SFAPI_HOME", str(tmp_path / "superfacility"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("TERM", "xterm")
    return tmp_path / "superfacility"


@pytest.fixture
def run(connection: FakeConnection, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*words: str) -> Done:
        try:
            code = dispatch(words)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capfd.readouterr()
        return Done(code, out, err)

    return run


@contextmanager
def fails(connection: FakeConnection, name: str, problem: BaseException | SuperfacilityError) -> Iterator[None]:
    """While inside, that call raises."""
    before = connection.answers[name]
    connection.answers[name] = problem
    yield
    connection.answers[name] = before


@pytest.fixture
def make_job() -> Callable[..., Job]:
    return job


@pytest.fixture
def listing() -> Callable[..., Jobs]:
    """Jobs as they were so many seconds ago; the scheduler does not answer."""

    def make(*jobs: Job, age: float) -> Jobs:
        found = Jobs(jobs)
        found.as_of, found.stale, found.age = AT, True, age
        return found

    return make
