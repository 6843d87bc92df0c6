"""`make demo`: a demonstration facility of your own, and the model case on it.

    python demo.py --dir .demo [--keep] [--cluster FOLDER]

It makes the facility in the folder if there is none, starts its server on a free port of this machine, registers a
client, and runs `model_case.py` against it. With `--keep` the server stays; otherwise everything it started is stopped.
With `--cluster` (the folder of a cluster that deploy/test-cluster/up.sh made; `make demo-slurm`) the machine is a real
Slurm, reached over SSH, and everything there runs as the cluster's own alice. The cluster stays up.
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from model_case import CaseFailed, ModelCase, connect
from narration import Narrator
from on_slurm import move_to, science_for
from sfapi_client import SfApiError

from superfacility.testing.clusters import SlurmCluster

SFAPI = Path(sys.executable).with_name("sfapi")
USER = "demo1"
ENDINGS = (signal.SIGINT, signal.SIGTERM)
START_LIMIT = 120.0
STOP_LIMIT = 30.0


class DemoFailed(Exception):
    """The demonstration could not be set up; the message says why."""


@dataclass(frozen=True)
class Installation:
    """A folder made by `sfapi init`."""

    folder: Path
    cluster: SlurmCluster | None = None

    @property
    def user(self) -> str:
        return self.cluster.users["alice"].name if self.cluster else USER

    @property
    def ended(self) -> str:
        """What to say when it is over."""
        if self.cluster:
            return "the server is stopped; the cluster stays up (make cluster-down ends it)"
        return "the server and its scheduler are stopped"

    @property
    def python(self) -> str:
        """The Python of the job."""
        return science_for(self.cluster, self.user) if self.cluster else sys.executable

    @property
    def configuration(self) -> Path:
        return self.folder / "superfacility.toml"

    @property
    def key(self) -> Path:
        return self.folder / "demo-key.json"

    @property
    def said(self) -> Path:
        """What the server printed: where it listens."""
        return self.folder / "server.out"

    @property
    def log(self) -> Path:
        return self.folder / "server.log"

    def sfapi(self, *arguments: str) -> str:
        """Run an operator command and return what it printed."""
        done = subprocess.run([SFAPI, *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise DemoFailed(f"sfapi {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def make(self) -> None:
        if self.configuration.exists():
            return
        self.sfapi("init", str(self.folder), "--demo")
        if self.cluster:
            move_to(self.cluster, self.configuration, self.sfapi)

    def make_key(self) -> str:
        """Register a red client and keep its key in our folder; returns the client's id."""
        self.key.unlink(missing_ok=True)
        self.sfapi(
            *("admin", "client", "create", "--config", str(self.configuration)),
            *("--user", self.user, "--name", "demo", "--level", "red", "--ip", "127.0.0.1/32", "--out", str(self.key)),
        )
        return str(json.loads(self.key.read_text())["client_id"])

    def drop_key(self, client_id: str) -> None:
        self.key.unlink(missing_ok=True)
        self.sfapi("admin", "client", "remove", client_id, "--config", str(self.configuration))


def start_server(installation: Installation) -> subprocess.Popen[bytes]:
    """In a session of its own, so that Ctrl-C reaches us first; with files for output, so that it can outlive us."""
    with installation.log.open("ab") as log, installation.said.open("wb") as said:
        return subprocess.Popen(
            [SFAPI, "serve", "--config", installation.configuration, "--port", "0"],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=log,
            start_new_session=True,
        )


def printed_url(server: subprocess.Popen[bytes], installation: Installation) -> str:
    """The URL that `sfapi serve` prints once it listens."""
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        if found := re.search(r"https?://[^\s/]+", installation.said.read_text()):
            return found.group()
        time.sleep(0.05)
    last = "\n".join(installation.log.read_text(errors="replace").splitlines()[-5:])
    raise DemoFailed(f"the server did not start; {installation.log} ends with\n{last}")


def stop_server(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextmanager
def scheduler(path: Path) -> Iterator[socket.socket]:
    """A connection to an embedded scheduler; `OSError` if none runs."""
    short = os.path.relpath(path)  # addresses of sockets are limited to about a hundred characters
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(STOP_LIMIT)
        connection.connect(min(short, str(path), key=len))
        yield connection


def running_schedulers(installation: Installation) -> frozenset[Path]:
    """The sockets of the embedded schedulers that run now. They outlive the server on purpose."""
    found = set()
    for path in installation.folder.glob("state/*/socket"):
        with suppress(OSError), scheduler(path):
            found.add(path)
    return frozenset(found)


def stop_schedulers(paths: Iterable[Path]) -> None:
    """End schedulers with their jobs."""
    for path in paths:
        with suppress(OSError), scheduler(path) as connection:
            connection.sendall(b'{"do": "shutdown", "jobs": true}\n')
            while connection.recv(4096):
                pass


@contextmanager
def running(installation: Installation, tell: Narrator, *, keep: bool) -> Iterator[str]:
    """A server, and its URL. It is stopped at the end unless it is to be kept and nothing went wrong."""
    theirs, server = running_schedulers(installation), None
    try:
        with interrupts_wait():
            server = start_server(installation)
        yield printed_url(server, installation)
    except BaseException:
        keep = False
        raise
    finally:
        if server is None:
            pass
        elif keep:
            tell.say(f"the server keeps running; stop it with: [bold]kill {server.pid}[/]")
            tell.say("[dim](its scheduler ends by itself after a few minutes without work)[/]")
        else:
            stop_server(server)
            stop_schedulers(running_schedulers(installation) - theirs)
            tell.say(f"[dim]{installation.ended}[/]")


def demonstrate(installation: Installation, *, keep: bool, tell: Narrator) -> Path:
    """Facility, server, client, model case; returns the picture."""
    began = time.monotonic()
    installation.make()
    tell.console.print(f"[bold]A demonstration facility in {installation.folder}[/]", soft_wrap=True)
    with running(installation, tell, keep=keep) as url:
        api, token = f"{url}/api/v1.2", f"{url}/oauth2/token"
        client_id = installation.make_key()
        tell.say(f"serving {api}/ in a process of its own; the client {client_id} acts as {installation.user}")
        try:
            with connect(installation.key, api, token) as client:
                case = ModelCase(client, installation.folder / "model-case", installation.python, tell=tell)
                picture = case.run()
        finally:
            if not keep:
                installation.drop_key(client_id)
        seconds = time.monotonic() - began
        tell.console.print(f"\n[bold]The picture:[/] {picture}", soft_wrap=True)
        tell.say(f"{len(tell.times)} steps in {seconds:.0f} s, without one SSH session")
        if keep:
            tell.say(f"API {api}/ (open it in a browser), token URL {token}, key file {installation.key}")
    return picture


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


@contextmanager
def interrupts_wait() -> Iterator[None]:
    """One that comes inside is raised at the end: what is started there is known to who must end it."""
    came: list[int] = []
    for ending in ENDINGS:
        signal.signal(ending, lambda number, _: came.append(number))
    yield
    for ending in ENDINGS:
        signal.signal(ending, interrupt)
    if came:
        raise KeyboardInterrupt


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dir", type=Path, default=Path(".demo"), help="folder of the facility, made if missing")
    parser.add_argument("--keep", action="store_true", help="leave the server running")
    parser.add_argument("--cluster", type=Path, help="state folder of a test cluster whose Slurm is to be used")
    arguments = parser.parse_args()
    for ending in ENDINGS:  # also where a shell's `&` has made us deaf to Ctrl-C
        signal.signal(ending, interrupt)
    try:
        cluster = SlurmCluster.read(arguments.cluster) if arguments.cluster else None
        demonstrate(Installation(arguments.dir.resolve(), cluster), keep=arguments.keep, tell=Narrator())
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        sys.exit(130)
    except (CaseFailed, DemoFailed, LookupError, SfApiError) as problem:
        sys.exit(f"The demonstration stopped: {problem}")


if __name__ == "__main__":
    main()
