"""A real facility in a process of its own, made and served by the `sfapi` command, for tests that speak HTTP to it."""

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0


def sfapi(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run an operator command."""
    done = subprocess.run([SFAPI, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)
    if check and done.returncode:
        raise AssertionError(f"sfapi {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


@dataclass
class Facility:
    """A demonstration facility on disk, and its server process while it runs."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None
    base_url: str = ""
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = self.directory.parent / f"{self.directory.name}.log"

    @property
    def config(self) -> str:
        return str(self.directory / "superfacility.toml")

    @property
    def token_url(self) -> str:
        return self.base_url.removesuffix("/api/v1.2") + "/oauth2/token"

    def init(self) -> None:
        sfapi("init", str(self.directory), "--demo")

    def start(self, *arguments: str, command: list[str] | None = None) -> None:
        """Start the server and wait until it has said where it listens."""
        program = command or [SFAPI, "serve"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*program, "--config", self.config, "--port", "0", *arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        self.base_url = self._read_url(self.process)

    def _read_url(self, process: subprocess.Popen[bytes]) -> str:
        assert process.stdout is not None
        text, end = b"", time.monotonic() + DEADLINE
        while time.monotonic() < end:
            ready, _, _ = select.select([process.stdout], [], [], 0.2)
            if ready:
                piece = os.read(process.stdout.fileno(), 65536)
                text += piece
                found = re.search(rb"(http://\S+/api/v1\.2)\s", text)
                if found:
                    return found.group(1).decode()
                if not piece:
                    break
        raise AssertionError(f"The server did not start: {text.decode()}\n{self.log.read_text()[-4000:]}")

    def stop(self) -> int:
        """End it politely; the exit code returns."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(DEADLINE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def admin(self, *arguments: str) -> Any:
        """An operator command's JSON answer."""
        return json.loads(sfapi("admin", *arguments, "--config", self.config, "--json").stdout or "null")

    def key(self, user: str = "demo1", level: str = "red", suffix: str = ".json", ip: str = "127.0.0.1/32") -> Path:
        """A new client's key file."""
        path = self.directory.parent / f"{user}-{level}-{time.monotonic_ns()}{suffix}"
        sfapi(
            *("admin", "client", "create", "--user", user, "--name", path.stem, "--level", level, "--ip", ip),
            *("--out", str(path), "--config", self.config),
        )
        return path

    def shut_down_schedulers(self) -> None:
        """End the embedded schedulers' daemons, which outlive the server on purpose."""
        for pid_file in self.directory.glob("state/*/daemon.pid"):
            try:
                os.kill(int(pid_file.read_text()), signal.SIGTERM)
            except (ProcessLookupError, ValueError):
                continue


@pytest.fixture(scope="session")
def new_facility(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Facility]]:
    """Makes demonstration facilities and ends what they left running."""
    made: list[Facility] = []

    def make() -> Facility:
        facility = Facility(tmp_path_factory.mktemp("facility") / "demo")
        facility.init()
        made.append(facility)
        return facility

    yield make
    for facility in made:
        if facility.process is not None and facility.process.poll() is None:
            facility.kill()
        facility.shut_down_schedulers()


@pytest.fixture(scope="session")
def served(new_facility: Callable[[], Facility]) -> Iterator[Facility]:
    """One facility that is served for the whole run."""
    facility = new_facility()
    facility.start()
    yield facility
    assert facility.stop() == 0
