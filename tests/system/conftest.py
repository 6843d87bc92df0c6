"""A real facility in a process of its own, made and served by the `sfapi` command, for tests that speak HTTP to it."""

import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.debian import require_programs

from superfacility.cli.configuration import render
from superfacility.testing.clusters import SlurmCluster, invitations, on_cluster
from superfacility.testing.tokens import sign_assertion, token_form

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
WITH_US = [setpriv, "--pdeathsig", "TERM"] if (setpriv := shutil.which("setpriv")) else []
"""A server ends with the process that tests it, also when that one is killed because a run was interrupted."""
EACH = """
import json, sys
from superfacility.cli.main import main
for command in json.load(sys.stdin):
    try:
        main(command)
    except SystemExit as end:
        if end.code:
            raise
"""


def sfapi(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run an operator command."""
    done = subprocess.run([SFAPI, *arguments], capture_output=True, text=True, timeout=DEADLINE, check=False)
    if check and done.returncode:
        raise AssertionError(f"sfapi {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def sfapi_each(*commands: Sequence[str]) -> None:
    """Run operator commands one after the other in one process: what they prepare is the subject, not they."""
    done = subprocess.run([sys.executable, "-c", EACH], input=json.dumps(commands), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@dataclass
class Facility:
    """A demonstration facility on disk, and its server process while it runs."""

    directory: Path
    process: subprocess.Popen[bytes] | None = None
    base_url: str = ""
    log: Path = field(init=False)
    first: str = "demo1"
    second: str = "demo2"
    machine_name: str = "perlmutter"

    def __post_init__(self) -> None:
        self.log = self.directory.parent / f"{self.directory.name}.log"

    @property
    def config(self) -> str:
        return str(self.directory / "superfacility.toml")

    @property
    def token_url(self) -> str:
        return self.base_url.removesuffix("/api/v1.2") + "/oauth2/token"

    def home(self, user: str) -> Path:
        return self.directory / "home" / user

    def archive(self, user: str) -> Path:
        """What the transfer endpoint `hpss` shows as /USER."""
        return self.directory / "archive" / user

    def init(self) -> None:
        sfapi("init", str(self.directory), "--demo")

    def configure(self, **changes: Any) -> None:
        """Other settings: a table's replace those of the same name in it."""
        file = Path(self.config)
        settings = tomllib.loads(file.read_text())
        for name, value in changes.items():
            settings[name] = settings.get(name, {}) | value if isinstance(value, dict) else value
        file.write_text(render(settings))

    def start(self, *arguments: str, command: list[str] | None = None) -> None:
        """Start the server and wait until it has said where it listens."""
        program = [*WITH_US, *(command or [SFAPI, "serve"])]
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

    def key(self, user: str = "", level: str = "red", suffix: str = ".json", ip: str = "127.0.0.1/32") -> Path:
        """A new client's key file; without a name it is the first user's."""
        user = user or self.first
        path = self.directory.parent / f"{user}-{level}-{time.monotonic_ns()}{suffix}"
        sfapi(
            *("admin", "client", "create", "--user", user, "--name", path.stem, "--level", level, "--ip", ip),
            *("--out", str(path), "--config", self.config),
        )
        return path

    def token(self, key: dict[str, Any], audience: str = "") -> str:
        """An access token for what a key file says, got as any program gets one."""
        form = token_form(sign_assertion(key["secret"], key["client_id"], audience or self.token_url))
        answer = httpx.post(self.token_url, data=form, timeout=DEADLINE)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def shut_down_schedulers(self) -> None:
        """End the embedded schedulers' daemons, which outlive the server on purpose."""
        for pid_file in self.directory.glob("state/*/daemon.pid"):
            try:
                os.kill(int(pid_file.read_text()), signal.SIGTERM)
            except (ProcessLookupError, ValueError):
                continue


@dataclass
class SlurmFacility(Facility):
    """The demonstration facility, its machines being a real cluster that is reached over SSH."""

    cluster: SlurmCluster = field(kw_only=True)

    def home(self, user: str) -> Path:
        return self.cluster.home(user)

    def archive(self, user: str) -> Path:
        return self.cluster.filesystems["archive"] / user

    def init(self) -> None:
        super().init()
        file = Path(self.config)
        file.write_text(render(on_cluster(tomllib.loads(file.read_text()), self.cluster)))
        sfapi_each(*((*command, "--config", self.config) for command in invitations(self.cluster)))


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


@pytest.fixture(scope="session")
def new_slurm_facility(
    tmp_path_factory: pytest.TempPathFactory, cluster: SlurmCluster
) -> Iterator[Callable[[], SlurmFacility]]:
    """Makes facilities on the real cluster and ends what they left running."""
    made: list[SlurmFacility] = []

    def make() -> SlurmFacility:
        alice, bob = cluster.users["alice"].name, cluster.users["bob"].name
        folder = tmp_path_factory.mktemp("slurm") / "facility"
        facility = SlurmFacility(folder, first=alice, second=bob, cluster=cluster)
        facility.init()
        made.append(facility)
        return facility

    yield make
    for facility in made:
        if facility.process is not None and facility.process.poll() is None:
            facility.kill()


@pytest.fixture(scope="session")
def slurm_facility(new_slurm_facility: Callable[[], SlurmFacility]) -> Iterator[SlurmFacility]:
    """One facility on the real cluster that is served for the whole run."""
    facility = new_slurm_facility()
    facility.start()
    yield facility
    assert facility.stop() == 0


@pytest.fixture(scope="session")
def from_npm() -> Callable[[Path, str], Path]:
    """Installs what the lock file in a folder of the tests names, once for each version of it; skips, and says what is
    left out, where npm cannot."""
    return _from_npm


def _from_npm(parts: Path, left_out: str) -> Path:
    require_programs(left_out, node="nodejs", npm="npm")
    digest = hashlib.sha256((parts / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = Path(os.environ.get("XDG_CACHE_HOME", "/var/tmp")) / f"superfacility-{parts.name}-{digest}"
    if not (folder / "whole").exists():
        made = folder.with_name(f"{folder.name}-{os.getpid()}")
        shutil.copytree(parts, made, dirs_exist_ok=True)
        done = subprocess.run(["npm", "ci", "--ignore-scripts"], cwd=made, capture_output=True, text=True)
        if done.returncode:
            shutil.rmtree(made)
            pytest.skip(f"{left_out}: npm cannot install what it needs here.")
        (made / "whole").touch()
        try:
            made.rename(folder)
        except OSError:  # another run was faster
            shutil.rmtree(made)
    return folder
