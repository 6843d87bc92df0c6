"""What an operator does, with real processes: make an installation, check it, serve it, stop it, manage it."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sfapi_client import Client

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
COMMAND = "trap '' TERM; echo begun; sleep 300"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SFAPI, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)


def get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return json.load(answer)


@pytest.fixture(scope="module")
def installation(new_facility: Callable[[], Any]) -> Any:
    return new_facility()


@pytest.fixture
def facility(installation: Any) -> Iterator[Any]:
    """A demonstration facility that is not served yet."""
    yield installation
    if installation.process is not None and installation.process.poll() is None:
        installation.kill()


def test_a_new_installation_is_in_order(facility: Any) -> None:
    checked = run("check", "--config", facility.config, "--json")
    assert checked.returncode == 0, checked.stdout
    assert {each["area"] for each in json.loads(checked.stdout)} == {
        *("configuration", "permissions", "keys", "clock", "database", "systems", "filesystems")
    }


class TestServing:
    """Processes, signals and the address."""

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_the_address_is_printed_and_answers_and_a_signal_ends_it(self, facility: Any, workers: str) -> None:
        facility.start("--workers", workers)
        assert get(f"{facility.base_url}/status/perlmutter")["status"] == "active"
        metadata = get(facility.base_url.removesuffix("/api/v1.2") + "/.well-known/oauth-authorization-server")
        assert metadata["token_endpoint"] == facility.token_url
        assert facility.stop() == 0

    def test_a_taken_port_is_named(self, facility: Any) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = str(taken.getsockname()[1])
            refused = run("serve", "--config", facility.config, "--port", port)
        assert refused.returncode == 1
        assert f"127.0.0.1 port {port}" in refused.stderr

    def test_a_request_under_way_is_finished_before_the_server_ends(self, facility: Any) -> None:
        facility.start()
        host, port = facility.base_url.removeprefix("http://").split("/")[0].split(":")
        body = b"grant_type=client_credentials"
        with socket.create_connection((host, int(port)), DEADLINE) as connection:
            connection.settimeout(DEADLINE)
            head = f"POST /oauth2/token HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
            kind = "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
            connection.sendall((head + kind).encode() + body[:10])
            get(f"{facility.base_url}/status")
            said = len(facility.log.read_text())
            stopped: list[int] = []
            stopper = threading.Thread(target=lambda: stopped.append(facility.stop()))
            stopper.start()
            self._wait_until(lambda: "Shutting down" in facility.log.read_text()[said:])
            connection.sendall(body[10:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 401")
        stopper.join(DEADLINE)
        assert stopped == [0]

    def test_a_running_command_is_handed_back_and_told_as_interrupted(self, facility: Any) -> None:
        facility.start()
        key = facility.key()
        with self._client(facility, key) as client:
            task = client.post("utilities/command/perlmutter", {"executable": COMMAND}).json()["task_id"]
            self._wait_until(lambda: "begun" in (client.get(f"tasks/{task}").json()["result"] or ""))
        assert facility.stop() == 0
        facility.start()
        with self._client(facility, key) as client:
            self._wait_until(lambda: client.get(f"tasks/{task}").json()["status"] != "new")
            ended = client.get(f"tasks/{task}").json()
        assert ended["status"] == "failed"
        assert "may have run" in ended["result"]
        assert facility.stop() == 0

    def test_a_second_signal_ends_it_at_once(self, facility: Any) -> None:
        facility.configure(server={"graceful_seconds": 600})
        facility.start()
        host, port = facility.base_url.removeprefix("http://").split("/")[0].split(":")
        with socket.create_connection((host, int(port)), DEADLINE) as connection:
            connection.sendall(b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
            get(f"{facility.base_url}/status")
            said = len(facility.log.read_text())
            facility.process.send_signal(signal.SIGINT)
            self._wait_until(lambda: "Shutting down" in facility.log.read_text()[said:])
            facility.process.send_signal(signal.SIGINT)
            assert facility.process.wait(DEADLINE) == 130
        facility.process.stdout.close()

    def test_a_worker_alone_does_what_a_server_accepted(self, facility: Any) -> None:
        worker = subprocess.Popen(
            [SFAPI, "worker", "--config", facility.config], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        assert worker.stdout is not None
        assert worker.stderr is not None
        assert b"working" in worker.stdout.readline()
        assert any(b"scheduler found" in line for line in worker.stderr)
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(DEADLINE) == 0
        worker.stdout.close()
        worker.stderr.close()

    def test_the_log_says_what_kind_of_scheduler_was_found(self, facility: Any) -> None:
        said = len(facility.log.read_text()) if facility.log.exists() else 0
        facility.start()
        self._wait_until(lambda: "scheduler found" in facility.log.read_text()[said:])
        (line,) = [each for each in facility.log.read_text()[said:].splitlines() if "scheduler found" in each]
        told = json.loads(line)
        assert (told["level"], told["system"]) == ("info", "perlmutter")
        assert re.fullmatch(r"embedded \S+, with accounting of jobs", told["scheduler"])
        assert facility.stop() == 0

    def _wait_until(self, true: Callable[[], bool]) -> None:
        end = time.monotonic() + DEADLINE
        while not true():
            assert time.monotonic() < end, "it did not come true in time"
            time.sleep(0.05)

    def _client(self, facility: Any, key: Path) -> Client:
        return Client(key=key, api_base_url=facility.base_url, token_url=facility.token_url)
