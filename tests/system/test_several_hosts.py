"""Two servers with folders of their own, as on two hosts, share one PostgreSQL database."""

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from superfacility.testing.postgresql import PostgreSQL
from superfacility.testing.tokens import sign_assertion, token_form

TAKEN_OVER_WITHIN = 10.0
DEADLINE = 60.0
SITE = "https://api.example.org"
TOKEN_URL = f"{SITE}/oauth2/token"


@pytest.fixture(scope="module")
def pair(new_facility: Callable[[], Any], postgresql: PostgreSQL) -> Iterator[tuple[Any, Any]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SFAPI_DATABASE", postgresql.new_database())
        patch.setenv("SFAPI_PUBLIC_URL", SITE)
        first = new_facility()
        folder = first.directory.parent / "second"
        shutil.copytree(first.directory, folder, ignore=shutil.ignore_patterns("state"))
        (folder / "state").mkdir(mode=0o700)
        second = type(first)(folder)
        yield first, second
        for host in (first, second):
            if _runs(host):
                host.stop()
            host.shut_down_schedulers()


@pytest.fixture
def hosts(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    """Both of them running."""
    for host in pair:
        if not _runs(host):
            host.start()
    return pair


def _runs(host: Any) -> bool:
    return host.process is not None and host.process.poll() is None


def caller(host: Any, key: dict[str, Any]) -> httpx.Client:
    """A token of one host is as good at the other."""
    return httpx.Client(headers={"Authorization": f"Bearer {host.token(key, TOKEN_URL)}"}, timeout=60)


def new_key(host: Any) -> dict[str, Any]:
    key: dict[str, Any] = json.loads(Path(host.key("demo1", "red")).read_text())
    return key


def test_a_revocation_counts_at_once_everywhere(hosts: tuple[Any, Any]) -> None:
    first, second = hosts
    for _ in range(2):
        key = new_key(first)
        with caller(first, key) as session:
            for host in hosts:
                for _ in range(5):
                    assert session.get(f"{host.base_url}/tasks").status_code == 200
            first.admin("client", "revoke", key["client_id"])
            for host in (second, first):
                assert session.get(f"{host.base_url}/tasks").status_code == 403


def test_an_assertion_is_used_once_among_all(hosts: tuple[Any, Any]) -> None:
    first, second = hosts
    key = new_key(first)
    form = token_form(sign_assertion(key["secret"], key["client_id"], TOKEN_URL))
    answers = [httpx.post(host.token_url, data=form, timeout=60).status_code for host in (first, second)]
    assert answers == [200, 401]


def test_the_tasks_of_a_dead_host_are_taken_over(hosts: tuple[Any, Any]) -> None:
    """Whichever host has taken a command is killed; the other one says what became of it."""
    with caller(hosts[0], new_key(hosts[0])) as session:
        command = {"executable": "touch begun; sleep 100"}
        task_id = session.post(f"{hosts[0].base_url}/utilities/command/perlmutter", data=command).json()["task_id"]
        holder = _wait(
            lambda: next((host for host in hosts if (host.home("demo1") / "begun").exists()), None), DEADLINE
        )
        other = hosts[1] if holder is hosts[0] else hosts[0]
        assert session.get(f"{other.base_url}/tasks/{task_id}").json()["status"] == "new"
        holder.kill()

        def ended() -> dict[str, Any] | None:
            task: dict[str, Any] = session.get(f"{other.base_url}/tasks/{task_id}").json()
            return task if task["status"] != "new" else None

        task = _wait(ended, TAKEN_OVER_WITHIN)
    assert task["status"] == "failed"
    assert "may have run" in task["result"]


def _wait(look: Callable[[], Any], seconds: float) -> Any:
    end = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.05)
    return found
