"""Goals S5 and S12 behind nginx, set up as `docs/how-to/install.md` says: both see the same requests and callers."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from tests.debian import require_programs

from superfacility.testing.hostile_requests import AMBIGUOUS
from superfacility.testing.reserved import reserved_port
from superfacility.testing.tokens import sign_assertion, token_form

REPOSITORY = Path(__file__).parents[3]
DEADLINE = 60.0
PUBLIC = "https://api.example.org"


def documented(backend: str, port: int) -> str:
    """The server block of the how-to, without TLS."""
    page = (REPOSITORY / "docs/how-to/install.md").read_text()
    (block,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    block = re.sub(r" *ssl_certificate.*\n", "", block).replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
    assert "http://127.0.0.1:8000" in block
    return str(block.replace("http://127.0.0.1:8000", backend))


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Any:
    made = new_facility()
    made.configure(public_url=PUBLIC, server={"access_log": True, "trusted_proxies": ["127.0.0.1/32"]})
    made.start()
    return made


@pytest.fixture(scope="module")
def own_port() -> Iterator[int]:
    """The one that nginx listens on."""
    with reserved_port() as port:
        yield port


@pytest.fixture(scope="module")
def nginx(facility: Any, own_port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A running nginx: its port, and the log of what it has passed on."""
    (program,) = require_programs("No test behind nginx", nginx="nginx")
    folder, port = tmp_path_factory.mktemp("nginx"), own_port
    backend = facility.base_url.removesuffix("/api/v1.2")
    temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n" for kind in ("fastcgi", "uwsgi", "scgi", "proxy"))
    (folder / "nginx.conf").write_text(
        f"worker_processes 1; pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
        "events { worker_connections 256; }\n"
        f"http {{ log_format passed '$upstream_addr $request_uri'; access_log {folder}/access.log passed;\n"
        "client_header_timeout 2s; client_body_timeout 2s;\n"
        f"client_body_temp_path {folder}/body; {temporary} {documented(backend, port)} }}\n"
    )
    process = subprocess.Popen([program, "-c", str(folder / "nginx.conf"), "-p", str(folder)])
    try:
        wait_for(lambda: _listens(port))
        yield type("Nginx", (), {"port": port, "log": folder / "access.log", "address": ("127.0.0.1", port)})
    finally:
        process.terminate()
        process.wait(DEADLINE)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_for(done: Callable[[], bool]) -> None:
    end = time.monotonic() + DEADLINE
    while not done():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def passed_on(nginx: Any) -> list[str]:
    """Targets of the requests that nginx has given to us."""
    rows = [line.split(" ", 1) for line in nginx.log.read_text().splitlines()]
    return [target for address, target in rows if address != "-"]


def arrived(facility: Any) -> list[str]:
    """Paths of the requests that we have seen."""
    rows = [json.loads(line) for line in facility.log.read_text().splitlines() if line.startswith("{")]
    return [row["path"] for row in rows if row["event"] == "request"]


def test_each_request_that_is_passed_on_is_one_that_arrives(nginx: Any, facility: Any) -> None:
    seen, given = len(arrived(facility)), len(passed_on(nginx))
    for number, sent in enumerate(AMBIGUOUS.values()):
        sent = sent.replace(b"Host: x", b"Host: api.example.org").replace(b"/smuggled", b"/smuggled-%d" % number)
        with socket.create_connection(nginx.address, timeout=DEADLINE) as connection:
            connection.sendall(sent)
            while connection.recv(65536):
                pass
    wait_for(lambda: len(arrived(facility)) - seen == len(passed_on(nginx)) - given > 0)
    assert arrived(facility)[seen:] == passed_on(nginx)[given:]


def from_address(nginx: Any, source: str, **headers: str) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=source)
    base = f"http://127.0.0.1:{nginx.port}"
    return httpx.Client(transport=transport, base_url=base, headers={"Host": urlsplit(PUBLIC).netloc} | headers)


SPOOFS = [
    {},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Forwarded-For": "127.0.0.1, 127.0.0.1"},
    {"X-Real-IP": "127.0.0.1"},
    {"Forwarded": "for=127.0.0.1"},
    {"X-Forwarded-For": "127.0.0.1", "Forwarded": "for=127.0.0.1"},
    {"X_Forwarded_For": "127.0.0.1"},
    {"True-Client-IP": "127.0.0.1", "CF-Connecting-IP": "127.0.0.1", "X-Client-IP": "127.0.0.1"},
]


@pytest.mark.parametrize("spoof", SPOOFS, ids=lambda each: "+".join(each) or "none")
def test_the_address_is_the_one_that_the_proxy_has_seen(nginx: Any, facility: Any, spoof: dict[str, str]) -> None:
    """A client that may call from 127.0.0.1 alone cannot call from 127.0.0.2, whatever it says."""
    key = json.loads(facility.key().read_text())
    form = token_form(sign_assertion(key["secret"], key["client_id"], f"{PUBLIC}/oauth2/token"))
    with from_address(nginx, "127.0.0.2", **spoof) as stranger:
        assert stranger.post("/oauth2/token", data=form).status_code == 401
    form = token_form(sign_assertion(key["secret"], key["client_id"], f"{PUBLIC}/oauth2/token"))
    with from_address(nginx, "127.0.0.1") as friend:
        answer = friend.post("/oauth2/token", data=form)
        assert answer.status_code == 200, answer.text
    bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    with from_address(nginx, "127.0.0.1", **bearer) as friend:
        assert friend.get("/api/v1.2/account").status_code == 200
    with from_address(nginx, "127.0.0.2", **bearer, **spoof) as stranger:
        refused = stranger.get("/api/v1.2/account")
        assert refused.status_code == 403
        assert "127.0.0.2" in refused.text
