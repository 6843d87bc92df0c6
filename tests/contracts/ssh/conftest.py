"""Login nodes to reach: the cluster's, and an sshd of one's own account where there is no cluster."""

import asyncio
import os
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from tests.debian import require_programs

from superfacility.adapters.ssh.options import read_options
from superfacility.adapters.ssh.transport import SshTransport
from superfacility.core.clock import Clock, SystemClock
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
from superfacility.testing.clusters import Person, SlurmCluster
from superfacility.testing.reserved import reserved_port


def person(cluster: SlurmCluster, plain: str) -> User:
    found = cluster.users[plain]
    return User(uid=found.uid, name=UserName(found.name))


@dataclass
class LoginNode:
    """The cluster's login node, and transports to it that are closed in the end."""

    cluster: SlurmCluster
    state: Path
    opened: list[SshTransport]

    @property
    def alice(self) -> User:
        return person(self.cluster, "alice")

    @property
    def bob(self) -> User:
        return person(self.cluster, "bob")

    @property
    def carol(self) -> User:
        """Whose start-up files may be changed: the others' are left alone."""
        return person(self.cluster, "carol")

    def home(self, user: User) -> Path:
        return self.cluster.users["alice"].home.parent / user.name

    def options(self, **more: Any) -> dict[str, Any]:
        usual = {
            "host": self.cluster.ssh_host,
            "port": self.cluster.ssh_port,
            "known_hosts": str(self.cluster.known_hosts),
            "ca_key": str(self.cluster.user_ca),
        }
        return {name: value for name, value in {**usual, **more}.items() if value is not None}

    def open(self, clock: Clock | None = None, **more: Any) -> SshTransport:
        homes = self.cluster.users["alice"].home.parent
        site = Site("perlmutter", lambda user: str(homes / user), (str(homes),), self.state, self.state / "bin")
        transport = SshTransport(site, read_options(self.options(**more)), clock or SystemClock())
        self.opened.append(transport)
        return transport


@pytest.fixture
async def login_node(cluster: SlurmCluster, tmp_path: Path) -> AsyncIterator[LoginNode]:
    node = LoginNode(cluster, tmp_path, [])
    yield node
    for transport in node.opened:
        await transport.aclose()


@pytest.fixture
def folder_of(cluster: SlurmCluster) -> Iterator[Callable[[str], Path]]:
    """Makes an empty folder in somebody's home."""
    made: list[Path] = []

    def make(plain: str) -> Path:
        owner: Person = cluster.users[plain]
        folder = owner.home / f"test-{uuid4().hex}"
        folder.mkdir(mode=0o700)
        os.chown(folder, owner.uid, owner.gid)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


def running(token: str) -> bool:
    """Whether a process of this machine has the token in its command line."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if token.encode() in path.read_bytes():
                return True
        except OSError:
            continue
    return False


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - no event tells of a process of somebody else's
            await asyncio.sleep(0.02)


@pytest.fixture
def token() -> str:
    return f"token-{uuid4().hex}"


@pytest.fixture
def is_running() -> Callable[[str], bool]:
    return running


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    return until


@pytest.fixture
def start_file(cluster: SlurmCluster) -> Iterator[Callable[[str, str], None]]:
    """Puts a start-up file into carol's home, and what was there back."""
    before: dict[Path, bytes | None] = {}

    def put(name: str, text: str) -> None:
        carol = cluster.users["carol"]
        path = carol.home / name
        before.setdefault(path, path.read_bytes() if path.exists() else None)
        path.write_text(text)
        os.chown(path, carol.uid, carol.gid)

    yield put
    for path, content in before.items():
        path.unlink()
        if content is not None:
            path.write_bytes(content)
            os.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)


SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/key.pub
StrictModes no
UsePAM no
Subsystem sftp internal-sftp
"""


@pytest.fixture(scope="session")
def own_sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """An sshd that this account runs for itself; the options to reach it."""
    (program,) = require_programs("No test on an sshd of one's own", sshd="openssh-server")
    folder = tmp_path_factory.mktemp("sshd")
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    with reserved_port() as port:
        (folder / "config").write_text(SSHD.format(port=port, folder=folder))
        (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {(folder / 'host.pub').read_text()}")
        server = subprocess.Popen([program, "-D", "-f", folder / "config", "-E", folder / "log"])
        try:
            wait_for(port, folder / "log")
            known_hosts, key = str(folder / "known_hosts"), str(folder / "key")
            yield {"host": "127.0.0.1", "port": port, "known_hosts": known_hosts, "user_keys": key}
        finally:
            server.terminate()
            server.wait()


def wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.02)
        else:
            return
