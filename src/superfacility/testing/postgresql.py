"""A PostgreSQL server for one test run: a folder of its own, a unix socket and a loopback port, ended by its pid."""

import contextlib
import itertools
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from superfacility.testing.processes import wait_for_end
from superfacility.testing.reserved import reserved_port

OWNER = "postgres"
_PATIENCE = 120.0


@dataclass
class PostgreSQL:
    """A running server. Whoever reaches it is its superuser, without a password: it is for tests."""

    folder: Path
    port: int
    pid: int
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def url(self, database: str) -> str:
        return f"postgresql://{OWNER}@127.0.0.1:{self.port}/{database}"

    def socket_url(self, database: str) -> str:
        return f"postgresql://{OWNER}@/{database}?host={self.folder}&port={self.port}"

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self.execute(f'create database "{name}"')
        return self.url(name)

    def execute(self, statement: str, database: str = OWNER) -> str:
        """Run a statement as the superuser with psql."""
        program = (str(programs() / "psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement)
        return _run(*program, self.socket_url(database)).stdout

    def pause(self) -> None:
        """Stop the server and every process that serves a connection."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in self._processes():
            with contextlib.suppress(ProcessLookupError):  # one of a connection may have ended since
                os.kill(pid, number)

    def restart(self) -> None:
        """As after a crash: no client is told, and whatever was committed is there again."""
        data = self.folder / "data"
        control = (
            *_become_owner(self.folder),
            str(programs() / "pg_ctl"),
            "-D",
            str(data),
            "-w",
            "-t",
            f"{_PATIENCE:.0f}",
        )
        _run(*control, "-l", str(self.folder / "log"), "-m", "immediate", "restart")
        self.pid = int((data / "postmaster.pid").read_text().split()[0])

    def _processes(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [self.pid, *map(int, children)]


def programs() -> Path:
    """Where this machine's newest PostgreSQL keeps its programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    if found:
        return found[-1]
    program = shutil.which("postgres")
    if program is None:
        raise FileNotFoundError("PostgreSQL is not installed here")
    return Path(program).resolve().parent


@contextmanager
def running(folder: Path) -> Iterator[PostgreSQL]:
    """A new server in a new folder, whose path must be short: it holds a unix socket."""
    folder.mkdir(parents=True)
    become = _become_owner(folder)
    data = folder / "data"
    _run(
        *become, str(programs() / "initdb"), "--no-sync", "--auth=trust", f"--username={OWNER}", "-E", "UTF8", str(data)
    )
    control = (*become, str(programs() / "pg_ctl"), "-D", str(data), "-w", "-t", f"{_PATIENCE:.0f}")
    with reserved_port() as port:
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off"
        _run(*control, "-l", str(folder / "log"), "-o", options, "start")
        server = PostgreSQL(folder, port, int((data / "postmaster.pid").read_text().split()[0]))
        try:
            yield server
        finally:
            server.resume()
            _run(*control, "-m", "immediate", "stop")
            wait_for_end(server.pid, "postgres", _PATIENCE)


def _become_owner(folder: Path) -> tuple[str, ...]:
    """PostgreSQL refuses root."""
    if os.geteuid():
        return ()
    owner = pwd.getpwnam(OWNER)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    return ("setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done
