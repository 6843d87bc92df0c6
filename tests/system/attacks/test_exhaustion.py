"""Goal S11: whoever asks for too much is refused or waits, the server's memory is bounded, and others are answered."""

import gzip
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

DEADLINE = 60.0
MEBI = 1024 * 1024
ROOM = 96 * MEBI
"""By how much the server may grow in one attack."""
HEAD = "POST /api/v1.2/compute/jobs/perlmutter HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n"


@pytest.fixture(scope="module")
def token(served: Any) -> str:
    found: str = served.token(json.loads(served.key().read_text()))
    return found


@pytest.fixture
def http(served: Any, token: str) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(base_url=served.base_url + "/", headers=headers, timeout=DEADLINE) as session:
        session.get("account")  # what is made at the first request is not the attack's
        yield session


def resident(process: int) -> int:
    """Bytes of memory that a process has."""
    (line,) = (each for each in Path(f"/proc/{process}/status").read_text().splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) * 1024


@contextmanager
def others_are_answered(served: Any) -> Iterator[None]:
    """All the while somebody else asks for the status, and the server's memory is looked at."""
    process, over, faults = served.process.pid, threading.Event(), list[str]()
    before, answered = resident(process), 0

    def ask() -> None:
        nonlocal answered
        while not over.is_set():
            answer = httpx.get(f"{served.base_url}/status/perlmutter", timeout=DEADLINE)
            if answer.status_code != 200:
                faults.append(answer.text)
            if (grown := resident(process) - before) > ROOM:
                faults.append(f"the server has grown by {grown / MEBI:.0f} MiB")
            answered += 1
            over.wait(0.05)

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield
        end = time.monotonic() + DEADLINE
        reached = answered + 2
        while answered < reached and time.monotonic() < end:
            time.sleep(0.01)
        assert answered >= reached, "somebody else was not answered"
    finally:
        over.set()
        asking.join()
    assert faults == []


def status(heard: bytes) -> int:
    return int(heard.split(b" ", 2)[1])


@pytest.mark.parametrize(
    "start",
    [
        b"GET /api/v1.2/status HTTP/1.1\r\nX: ",
        b"POST /oauth2/token HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ngrant_type=",
        b"PUT /api/v1.2/utilities/upload/perlmutter/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n",
    ],
    ids=["slowloris", "slow form", "slow upload"],
)
def test_many_who_never_finish(served: Any, wire: Any, start: bytes, soak: bool) -> None:
    """They lose their places in the end: that is tried with a fast clock in test_http_protocol, and here in a soak."""
    with ExitStack() as held, others_are_answered(served):
        connections = [held.enter_context(wire.connection()) for _ in range(2000 if soak else 200)]
        for connection in connections:
            connection.sendall(start)
        if soak:
            for connection in connections:
                connection.settimeout(2 * DEADLINE)
                # Those with a bad token beyond what one address may send are told to wait.
                assert status(connection.recv(65536)) in {403, 408, 429}


def test_many_who_ask_and_never_listen(served: Any, wire: Any, soak: bool) -> None:
    """A pipeline of large answers on each connection: what is not taken is not made."""
    asked = b"GET /api/v1.2/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n" * 50
    with ExitStack() as held, others_are_answered(served):
        for _ in range(500 if soak else 50):
            connection = socket.socket()
            held.callback(connection.close)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.connect(wire.address)
            connection.sendall(asked)


@pytest.mark.parametrize(("size", "expected"), [(48 * 1024, {200}), (65 * 1024, {200, 431}), (MEBI, {431})])
def test_a_head_of_64_kilobytes(served: Any, wire: Any, size: int, expected: set[int]) -> None:
    """One that came in a single piece may be a little longer."""
    with others_are_answered(served):
        for head in (b"X: " + b"a" * size, b"\r\n".join(b"X%d: y" % number for number in range(size // 10))):
            sent = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + head + b"\r\n\r\n"
            assert status(wire.exchange(sent)) in expected


@pytest.mark.parametrize("framing", ["Content-Length: 10737418240", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "stranger"])
def test_a_body_of_ten_gigabytes(served: Any, wire: Any, token: str, framing: str, known: bool) -> None:
    """It is refused after the 4 MiB that a form may have, or before where the caller may not send it anyway."""
    head = (HEAD.format(token if known else "none") + framing + "\r\n\r\n").encode()
    piece = b"a" * MEBI if "Length" in framing else b"100000\r\n" + b"a" * MEBI + b"\r\n"
    with others_are_answered(served), wire.connection() as connection:
        connection.sendall(head)
        heard = b""
        for _ in range(64):
            connection.settimeout(DEADLINE)
            connection.sendall(piece)
            connection.settimeout(0.05)
            try:
                heard += connection.recv(65536)
            except TimeoutError:
                continue
            break
        assert status(heard) == (413 if known else 403)


def test_an_upload_that_says_that_it_is_too_large(served: Any, wire: Any, token: str) -> None:
    """Nothing of it is waited for."""
    path = f"/api/v1.2/utilities/upload/perlmutter{served.home('demo1')}/large"
    boundary = "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 10737418240\r\n\r\n"
    head = f"PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{boundary}"
    part = '--b\r\nContent-Disposition: form-data; name="file"; filename="large"\r\n\r\n'
    with others_are_answered(served), wire.connection() as connection:
        connection.sendall((head + part).encode())
        heard = connection.recv(65536)
        while b"}" not in heard:
            heard += connection.recv(65536)
    assert b'"status":"ERROR"' in heard
    assert not Path(served.home("demo1"), "large").exists()


@pytest.mark.parametrize(
    "kind", ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"]
)
def test_a_compressed_bomb_is_not_opened(served: Any, http: httpx.Client, kind: str) -> None:
    """No body is decompressed, so it is what it is: unreadable."""
    bomb = gzip.compress(b'{"job": "' + b" " * (128 * MEBI) + b'", "isPath": false}', 1)
    headers = {"Content-Encoding": "gzip", "Content-Type": kind}
    with others_are_answered(served):
        for path in ("compute/jobs/perlmutter", "utilities/command/perlmutter", "account/applications"):
            assert http.post(path, content=bomb, headers=headers).status_code in {413, 422}


def test_deep_json(served: Any, http: httpx.Client) -> None:
    bodies = [b'{"job":' + b"[" * depth + b"]" * depth + b"}" for depth in (10_000, 1_000_000)]
    bodies += [b'{"a":' * 10_000 + b"1" + b"}" * 10_000, b"[" * 100_000]
    with others_are_answered(served):
        for body in bodies:
            answer = http.post("compute/jobs/perlmutter", content=body, headers={"Content-Type": "application/json"})
            assert answer.status_code == 422


def test_a_hundred_thousand_parameters(served: Any, wire: Any, http: httpx.Client) -> None:
    many = "&".join(f"p{number}=1" for number in range(100_000))
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    same = "&".join(["kwargs=user%3Ddemo1"] * 3000)
    with others_are_answered(served):
        assert http.post("compute/jobs/perlmutter", content=many, headers=form).status_code == 422
        assert http.post(served.token_url, content=many, headers=form).status_code in {400, 413}
        assert http.get(f"compute/jobs/perlmutter?{same}").status_code < 500
        assert status(wire.exchange(f"GET /api/v1.2/status?{many} HTTP/1.1\r\nHost: x\r\n\r\n".encode())) in {400, 431}
        members = json.dumps({f"p{number}": 1 for number in range(100_000)})
        answer = http.post("account/applications", content=members, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422
        assert len(answer.content) < 64 * 1024


def test_a_folder_of_very_many_files(served: Any, http: httpx.Client, soak: bool) -> None:
    folder = served.home("demo1") / "crowded"
    count = 1_000_000 if soak else 20_000
    folder.mkdir()
    for number in range(count):
        os.close(os.open(folder / f"f{number}", os.O_CREAT))
    with others_are_answered(served):
        answer = http.get(f"utilities/ls/perlmutter{folder}", timeout=10 * DEADLINE).json()
    assert answer["status"] == ("ERROR" if soak else "OK")
    assert soak or len(answer["entries"]) == count + 2


def test_one_person_follows_very_many_outputs(served: Any, http: httpx.Client, soak: bool) -> None:
    """Ten at a time, and none of them keeps anybody else from anything."""
    script = {"job": "#!/bin/sh\nsleep 300\n", "isPath": False}
    task = http.post("compute/jobs/perlmutter", data=script).json()["task_id"]
    job = result_of(http, task)["jobid"]
    endless = httpx.Client(
        base_url=http.base_url, headers=http.headers, timeout=DEADLINE, limits=httpx.Limits(max_connections=None)
    )
    with endless, ExitStack() as held, others_are_answered(served):
        answers = [
            held.enter_context(endless.stream("GET", f"compute/jobs/perlmutter/{job}/output/follow"))
            for _ in range(1000 if soak else 40)
        ]
        kinds = [each.status_code for each in answers]
        assert sorted(set(kinds)) == [200, 429]
        assert kinds.count(200) == 10
    assert http.delete(f"compute/jobs/perlmutter/{job}").json()["status"] == "OK"


def result_of(http: httpx.Client, task: str) -> dict[str, Any]:
    return until(lambda: _result(http.get(f"tasks/{task}").json()))


def _result(task: dict[str, Any]) -> dict[str, Any] | None:
    return json.loads(task["result"]) if task["status"] == "completed" else None


def until(found: Callable[[], Any]) -> Any:
    end = time.monotonic() + DEADLINE
    while (value := found()) is None:
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)
    return value
