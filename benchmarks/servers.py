"""The servers under test, each in its own process: a demonstration facility, bare Starlette, nginx where installed."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from superfacility.testing.reserved import reserved_port
from superfacility.testing.tokens import sign_assertion

SFAPI = str(Path(sys.executable).parent / "sfapi")


@dataclass(frozen=True)
class Served:
    """A facility that is being served, with a red client of demo1."""

    directory: Path
    process: subprocess.Popen[bytes]
    base_url: str
    key: dict[str, Any]

    @property
    def origin(self) -> str:
        return self.base_url.removesuffix("/api/v1.2")

    @property
    def token_url(self) -> str:
        return f"{self.origin}/oauth2/token"

    @property
    def port(self) -> int:
        return int(self.origin.rsplit(":", 1)[1])

    def token(self) -> str:
        """An access token, got as any program gets one."""
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": sign_assertion(self.key["secret"], self.key["client_id"], self.token_url),
        }
        answer = urllib.request.urlopen(self.token_url, urllib.parse.urlencode(form).encode(), timeout=30)
        token: str = json.load(answer)["access_token"]
        return token

    def call(self, path: str, form: dict[str, Any] | None = None, *, token: str = "") -> Any:
        """One JSON request, by hand."""
        body = urllib.parse.urlencode(form, doseq=True).encode() if form is not None else None
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(self.base_url + path, body, headers)
        return json.load(urllib.request.urlopen(request, timeout=60))

    def wait_for_task(self, task_id: str, token: str) -> Any:
        while True:
            task = self.call(f"/tasks/{task_id}", token=token)
            if task["status"] != "new":
                return json.loads(task["result"])
            time.sleep(0.02)

    def resident_bytes(self) -> int:
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def peak_bytes(self) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) * 1024  # type: ignore[index]


_WIDE_LIMITS = {
    f"SFAPI_LIMITS__RATES__{who}_{what}": "1000000" for who in ("CLIENT", "ADDRESS") for what in ("PER_SECOND", "BURST")
}
"""Callers are counted as ever, and one benchmark may be all of them."""


def wait_for_port(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError(f"nothing listens on port {port}")


@contextmanager
def facility(folder: Path) -> Iterator[Served]:
    """`sfapi init --demo` and `sfapi serve`, as the manual says."""
    directory = folder / "facility"
    subprocess.run([SFAPI, "init", str(directory), "--demo"], check=True, capture_output=True)
    with serving(directory, folder / "key.json", "demo1", {}) as served:
        yield served
    for pid_file in directory.glob("state/*/daemon.pid"):
        os.kill(int(pid_file.read_text()), signal.SIGTERM)


@contextmanager
def serving(directory: Path, key: Path, user: str, environment: dict[str, str]) -> Iterator[Served]:
    """`sfapi serve`, and a red client of the user."""
    config = str(directory / "superfacility.toml")
    subprocess.run(
        [
            *(SFAPI, "admin", "client", "create", "--user", user, "--name", "bench", "--level", "red"),
            *("--ip", "127.0.0.1/32", "--out", str(key), "--config", config),
        ],
        check=True,
        capture_output=True,
    )
    with reserved_port() as port:
        with (directory.parent / f"{directory.name}.log").open("wb") as log:
            process = subprocess.Popen(
                [SFAPI, "serve", "--config", config, "--port", str(port)],
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | _WIDE_LIMITS | environment,
            )
        try:
            wait_for_port(port)
            base_url = f"http://127.0.0.1:{port}/api/v1.2"
            yield Served(directory, process, base_url, json.loads(key.read_text()))
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


@contextmanager
def bare_starlette(folder: Path, bodies: dict[str, bytes]) -> Iterator[tuple[int, int]]:
    """The reference for reads: one Starlette route a body, on the same server program with the same settings. Its port
    and its process."""
    for name, body in bodies.items():
        (folder / f"{name}.body").write_bytes(body)
    with reserved_port() as port:
        process = subprocess.Popen([sys.executable, "-m", "benchmarks.bare", str(folder), str(port)])
        try:
            wait_for_port(port)
            yield port, process.pid
        finally:
            process.terminate()
            process.wait(30)


@contextmanager
def nginx(folder: Path) -> Iterator[int | None]:
    """The reference for data: nginx with sendfile and PUT; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        yield None
        return
    root = folder / "nginx"
    (root / "files").mkdir(parents=True)
    with reserved_port() as port:
        _configure_nginx(root, port)
        process = subprocess.Popen(
            [program, "-c", str(root / "nginx.conf"), "-p", str(root)], stderr=subprocess.DEVNULL
        )
        try:
            wait_for_port(port)
            yield port
        finally:
            process.terminate()
            process.wait(30)


def _configure_nginx(root: Path, port: int) -> None:
    (root / "nginx.conf").write_text(
        f"worker_processes 1; pid {root}/pid; error_log {root}/error.log; daemon off; user root;\n"
        "events { worker_connections 64; }\n"
        "http { access_log off; sendfile on; client_max_body_size 0;\n"
        f"  client_body_temp_path {root}/body; proxy_temp_path {root}/proxy; fastcgi_temp_path {root}/fastcgi;\n"
        f"  uwsgi_temp_path {root}/uwsgi; scgi_temp_path {root}/scgi;\n"
        f"  server {{ listen 127.0.0.1:{port}; root {root}/files; dav_methods PUT; }} }}\n"
    )
