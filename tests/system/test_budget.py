"""A small allocation is used up by a real job: the next submission is refused, or taken with a warning."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
pytestmark = pytest.mark.timeout(600)
JOB = "#!/bin/sh\n#SBATCH --account=m0001\n#SBATCH --time=5\nsleep 1\n"
"""On one of the demonstration's cores for a second: more than the millionth of an hour that the project gets."""


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Iterator[Any]:
    facility = new_facility()
    facility.start()
    yield facility
    assert facility.stop() == 0


@pytest.fixture(scope="module")
def home(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("superfacility")
    key = facility.key("demo1", suffix=".pem").rename(folder / "laptop.pem")
    done = user(folder, "login", facility.base_url, "--facility", "demo", "--key", str(key))
    assert done.returncode == 0, done.stderr
    return folder


def user(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
    variables = {**clean, "SFAPI_HOME": str(home)}
    return subprocess.run(
        [SFAPI, *words], input=stdin, capture_output=True, text=True, timeout=DEADLINE, check=False, env=variables
    )


def staff(facility: Any, *words: str) -> Any:
    done = subprocess.run(
        [SFAPI, "admin", "allocation", *words, "--json", "--config", str(facility.config)],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def balance(home: Path) -> dict[str, Any]:
    (found,) = [
        each
        for each in json.loads(user(home, "balance", "m0001", "--json").stdout)["allocations"]
        if each["kind"] == "cpu"
    ]
    return dict(found)


def test_a_small_allocation_is_used_up(facility: Any, home: Path) -> None:
    (given,) = [each for each in staff(facility, "list", "m0001") if each["kind"] == "cpu"]
    staff(facility, "change", "m0001", str(given["id"]), "--hours", "0.000001")
    staff(facility, "rule", "m0001", "block")
    first = user(home, "submit", "-s", "perlmutter", "--wait", "--parsable", stdin=JOB)
    assert first.returncode == 0, first.stderr
    end = time.monotonic() + DEADLINE
    while balance(home)["used"] == 0:
        assert time.monotonic() < end, "the job was not charged"
        time.sleep(0.2)
    refused = user(home, "submit", "-s", "perlmutter", stdin=JOB)
    assert refused.returncode != 0
    assert "The project m0001 has used" in refused.stderr
    assert not refused.stdout
    staff(facility, "rule", "m0001", "warn")
    warned = user(home, "submit", "-s", "perlmutter", "--parsable", stdin=JOB)
    assert warned.returncode == 0, warned.stderr
    assert "warning: The project m0001 has used" in warned.stderr
    assert warned.stdout.strip().isdecimal()
    found = balance(home)
    assert found["left"] < 0 < found["own_used"]
    usage = json.loads(user(home, "usage", "m0001", "--by", "user", "--json").stdout)["usage"]
    assert [(each["of"], each["kind"]) for each in usage["steps"]] == [("demo1", "cpu")]
    shown = user(home, "usage", "m0001", "--by", "user", "--step", "month").stdout.splitlines()
    assert shown[0].split("\t") == ["MONTH", "KIND", "USER", "NODE HOURS", "JOBS"]
    assert "m0001\tcpu\t" in user(home, "balance").stdout


def test_a_head_divides_the_hours(home: Path) -> None:
    shared = user(home, "shares", "m0001", "demo2", "--percent", "25", "--json")
    assert json.loads(shared.stdout)["shares"] == [
        {"project": "m0001", "user": "demo2", "kind": "cpu", "hours": None, "percent": 25.0}
    ]
    assert user(home, "shares", "m0001", "demo2").returncode == 2
    assert user(home, "shares", "m0001").stdout.splitlines() == ["USER\tKIND\tAT MOST", "demo2\tcpu\t25 %"]
    assert user(home, "shares", "m0001", "demo2", "--remove").returncode == 0
    assert user(home, "shares", "m0001").stdout == ""
