"""What operators watch a server by, on a real one: metrics for Prometheus, and the access log."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from superfacility.testing.reserved import reserved_port

DEADLINE = 60.0
BASE = "/api/v1.2"


@dataclass(frozen=True)
class Watched:
    """A facility that tells its metrics on a port, and somebody who uses it."""

    facility: Any
    port: int
    client_id: str
    token: str

    @property
    def address(self) -> tuple[str, int]:
        """The API's."""
        found = urlsplit(self.facility.base_url)
        return found.hostname or "", found.port or 0

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.request(method, self.facility.base_url + path, headers=headers, timeout=DEADLINE, **options)

    def scrape(self) -> str:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=DEADLINE)
        assert answer.status_code == 200
        return answer.text

    def number(self, name: str, **labels: str) -> float:
        """0 for what is not told yet."""
        families = text_string_to_metric_families(self.scrape())
        samples = (sample for family in families for sample in family.samples)
        return next((each.value for each in samples if (each.name, each.labels) == (name, labels)), 0.0)

    def waits(self, wanted: float, name: str, **labels: str) -> None:
        end = time.monotonic() + DEADLINE
        while (found := self.number(name, **labels)) != wanted:
            assert time.monotonic() < end, f"{name} is {found}"
            time.sleep(0.05)

    def line(self, request_id: str) -> dict[str, Any]:
        """That of the access log, once it is written."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            lines = self.facility.log.read_text().splitlines()
            said = [json.loads(line) for line in lines if request_id in line]
            if found := [each for each in said if each["event"] == "request"]:
                assert len(found) == 1
                line: dict[str, Any] = found[0]
                return line
            time.sleep(0.05)
        raise AssertionError(f"{request_id} is not in the log")


@pytest.fixture(scope="module")
def watched(new_facility: Callable[[], Any]) -> Iterator[Watched]:
    facility = new_facility()
    with reserved_port() as port:
        facility.configure(server={"metrics": {"port": port}, "access_log": True})
        facility.start()
        key = json.loads(facility.key().read_text())
        yield Watched(facility, port, key["client_id"], facility.token(key))
        assert facility.stop() == 0


def test_requests_move_their_counters(watched: Watched) -> None:
    of_status = {"group": "status", "method": "GET", "status": "200"}
    of_nobody = {"group": "other", "method": "GET", "status": "404"}
    before = watched.number("sfapi_requests_total", **of_status)
    timed = watched.number("sfapi_request_seconds_count", group="status")
    for path in ("/status", "/status", "/status/perlmutter", "/nowhere"):
        watched.ask("GET", path)
    assert watched.number("sfapi_requests_total", **of_status) == before + 3
    assert watched.number("sfapi_request_seconds_count", group="status") == timed + 3
    assert watched.number("sfapi_requests_total", **of_nobody) >= 1
    assert watched.number("sfapi_requests_total", group="oauth2", method="POST", status="200") == 1
    assert watched.number("sfapi_requests_open") == 0
    assert watched.number("sfapi_log_lines_total", fate="written") > 4


def test_tasks_and_clients_move_theirs(watched: Watched) -> None:
    assert watched.number("sfapi_database_answers") == 1
    assert watched.number("sfapi_clients", level="red") == 1
    go = watched.facility.directory / "go"
    command = {"executable": f"until [ -e '{go}' ]; do sleep 0.1; done"}
    accepted = watched.ask("POST", "/utilities/command/perlmutter", data=command).json()
    assert accepted["status"] == "OK", accepted
    watched.waits(1, "sfapi_tasks_open")
    assert watched.number("sfapi_task_oldest_seconds") > 0
    go.touch()
    watched.waits(0, "sfapi_tasks_open")
    assert watched.number("sfapi_task_oldest_seconds") == 0


def test_systems_and_the_audit_log_are_told(watched: Watched) -> None:
    watched.waits(1, "sfapi_scheduler_answers", system="perlmutter")
    watched.waits(0, "sfapi_audit_unsealed")
    assert watched.number("sfapi_audit_position") > 0
    assert watched.number("sfapi_audit_broken") == 0


def test_nothing_tells_of_people(watched: Watched) -> None:
    watched.ask("GET", "/account")
    watched.ask("GET", "/account", params={"user": "demo1"})
    watched.ask("BREW", "/tasks/127.0.0.1")
    told = watched.scrape()
    for secret in (watched.token, watched.client_id, "demo1", "demo2", "127.0.0.1", "BREW"):
        assert secret not in told
    assert "sfapi_requests_total" in told


def test_metrics_have_a_port_and_an_address_of_their_own(watched: Watched) -> None:
    for path in ("/metrics", f"{BASE}/metrics"):
        answer = httpx.get("http://{}:{}".format(*watched.address) + path, timeout=DEADLINE)
        assert answer.status_code == 404
        assert "sfapi_requests" not in answer.text
    with pytest.raises(ConnectionRefusedError):  # a loopback address is ours, too, but is not where they are told
        socket.create_connection(("127.0.0.2", watched.port), timeout=DEADLINE)


def test_a_port_that_is_taken_is_told_and_nothing_is_served(watched: Watched, new_facility: Callable[[], Any]) -> None:
    other = new_facility()
    other.configure(server={"metrics": {"port": watched.port}})
    with pytest.raises(AssertionError, match=rf"port {watched.port}: Address already in use\. Change \[server"):
        other.start()
    assert other.process.wait(DEADLINE) != 0
    other.process.stdout.close()


def test_the_access_log_has_the_id_of_each_answer_and_who_asked(watched: Watched) -> None:
    by_demo1 = {"client_id": watched.client_id, "user": "demo1"}
    for path, status in (("/account", 200), ("/account/", 200), ("/tasks/1234567", 404)):
        answer = watched.ask("GET", path, params={"secret": "whisper"} if path == "/account" else None)
        assert answer.status_code == status
        line = watched.line(answer.headers["x-request-id"])
        assert (line["status"], line["path"]) == (status, BASE + path)
        assert by_demo1.items() <= line.items()
    assert "whisper" not in watched.facility.log.read_text()


def test_requests_on_one_connection_keep_their_ids_apart(watched: Watched) -> None:
    """Those that were sent together are begun by the ends of those before them."""
    paths = ["/account", "/status", "/status/", "/nowhere", "/status"]
    with socket.create_connection(watched.address, timeout=DEADLINE) as connected:
        for number, path in enumerate(paths):
            last = "Connection: close\r\n" if number == len(paths) - 1 else ""
            named = "X-Request-ID: the-first-one\r\n" if number == 0 else ""
            connected.sendall(f"GET {BASE}{path} HTTP/1.1\r\nHost: x\r\n{named}{last}\r\n".encode())
        heard = b"".join(iter(lambda: connected.recv(65536), b"")).decode().lower()
    ids = [line.split(": ")[1] for line in heard.split("\r\n") if line.startswith("x-request-id: ")]
    assert len(set(ids)) == len(paths)
    assert ids[0] == "the-first-one"
    assert [watched.line(each)["path"] for each in ids] == [BASE + path for path in paths]
