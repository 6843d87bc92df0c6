"""Two people in processes of their own: one invites, the other accepts, works for the project and is removed again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from superfacility.cli.user.description.schemas import every_schema

SFAPI = str(Path(sys.executable).parent / "sfapi")
SCHEMAS = dict(every_schema())
PROJECT = "m0002"
FOR_PROJECT = f"#!/bin/sh\n#SBATCH -q debug -C cpu -A {PROJECT} -t 2\necho done\n"
pytestmark = pytest.mark.timeout(180)


class Person:
    """Somebody at a command line, logged in with a red key."""

    def __init__(self, facility: Any, name: str, home: Path) -> None:
        self.home, self.name = home, name
        key = facility.key(name, suffix=".pem").rename(home / f"{name}.pem")
        self.done("login", facility.base_url, "--facility", "demo", "--key", str(key))

    def run(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
        environment = {**clean, "SFAPI_HOME": str(self.home)}
        return subprocess.run(
            [SFAPI, *words], input=stdin, capture_output=True, text=True, timeout=60, check=False, env=environment
        )

    def done(self, *words: str, stdin: str = "") -> str:
        done = self.run(*words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def projects(self, verb: str, *words: str, stdin: str = "") -> Any:
        document = json.loads(self.done("projects", verb, *words, "--json", stdin=stdin))
        jsonschema.validate(document, SCHEMAS[f"projects {verb}"])
        (found,) = document.values()
        return found


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Iterator[Any]:
    """With a project of demo1 alone."""
    facility = new_facility()
    facility.admin("project", "add", PROJECT, "--unlimited")
    facility.admin("project", "member", "add", PROJECT, "demo1", "--role", "pi")
    facility.start()
    yield facility
    facility.stop()


@pytest.fixture(scope="module")
def pi(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(facility, "demo1", tmp_path_factory.mktemp("demo1"))


@pytest.fixture(scope="module")
def other(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Person:
    return Person(facility, "demo2", tmp_path_factory.mktemp("demo2"))


def test_invited_accepted_working_and_removed(pi: Person, other: Person) -> None:
    assert other.run("projects", "show", PROJECT).returncode == 4
    token = pi.done("projects", "invite", PROJECT, "demo2").strip()
    (waiting,) = other.projects("invitations")
    assert (waiting["project"], waiting["invited_by"]) == (PROJECT, "demo1")
    assert other.projects("accept", "--token", "-", stdin=f"{token}\n")["outcome"] == "accepted"
    assert other.run("projects", "accept", "--token", token).returncode != 0
    assert [each["user"] for each in other.projects("members", PROJECT)] == ["demo1", "demo2"]
    assert other.run("submit", "--wait", stdin=FOR_PROJECT).returncode == 0
    assert other.run("projects", "invite", PROJECT, "ada@example.org").returncode == 3
    assert pi.projects("remove", PROJECT, "demo2") == "demo2"
    assert [each["user"] for each in pi.projects("members", PROJECT)] == ["demo1"]
    refused = other.run("submit", "--wait", stdin=FOR_PROJECT)
    assert refused.returncode != 0
    assert f"no member of the project {PROJECT}" in refused.stderr


def test_asked_admitted_and_left(pi: Person, other: Person) -> None:
    asked = other.projects("join", PROJECT, "--message", "for the beamline")
    (seen,) = [each for each in pi.projects("requests", PROJECT) if each["outcome"] == "open"]
    assert (seen["id"], seen["user"], seen["message"]) == (asked["id"], "demo2", "for the beamline")
    assert pi.projects("admit", PROJECT, asked["id"])["outcome"] == "accepted"
    raised = pi.projects("role", PROJECT, "demo2", "pi_proxy")
    assert raised["role"] == "pi_proxy"
    assert other.projects("continue", PROJECT, "demo1")["continuing"] is True
    assert other.projects("change", PROJECT, "--title", "Imaging")["title"] == "Imaging"
    assert "edit_details" in other.projects("show", PROJECT)["permissions"]
    assert other.projects("leave", PROJECT) == "demo2"
    assert PROJECT not in [each["name"] for each in other.projects("list")]


def test_what_one_has_begun_is_taken_back(pi: Person, other: Person) -> None:
    made = pi.projects("invite", PROJECT, "ada@example.org", "--role", "pi_proxy", "--days", "3")
    assert (made["email"], made["role"]) == ("ada@example.org", "pi_proxy")
    assert pi.projects("uninvite", PROJECT, made["id"])["outcome"] == "withdrawn"
    asked = other.projects("join", PROJECT)
    assert other.projects("withdraw", asked["id"])["outcome"] == "withdrawn"
    again = other.projects("join", "m9999")
    assert again["outcome"] == "open"
    assert pi.run("projects", "leave", PROJECT).returncode != 0
