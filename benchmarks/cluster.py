"""A facility on the real Slurm cluster of deploy/test-cluster, and the ways that people would otherwise take to it."""

import json
import os
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
from joserfc import jwt
from joserfc.jwk import OctKey

from benchmarks.servers import SFAPI, Served, serving
from superfacility.adapters.slurm import open_scheduler
from superfacility.adapters.ssh import open_transport
from superfacility.cli.configuration import render
from superfacility.facility.scheduler import Scheduler
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport
from superfacility.testing.clusters import SlurmCluster, invitations, on_cluster

SCRIPTS = Path(__file__).parents[1] / "deploy/test-cluster"
STATE = Path(os.environ.get("SFAPI_TEST_CLUSTER", "/var/tmp/superfacility-cluster"))
DATA_PARSER = {"22": "v0.0.38", "24": "v0.0.41"}


@contextmanager
def cluster() -> Iterator[SlurmCluster]:
    """The cluster that is up, or one for this run."""
    was_up = (STATE / "cluster.json").exists() and SlurmCluster.read(STATE).is_up()
    if not was_up:
        subprocess.run([SCRIPTS / "up.sh", STATE], check=True, capture_output=True)
    try:
        yield SlurmCluster.read(STATE)
    finally:
        if not was_up:
            subprocess.run([SCRIPTS / "down.sh", STATE], check=True, capture_output=True)


@contextmanager
def facility_on(
    cluster: SlurmCluster,
    folder: Path,
    scheduler: str = "slurm",
    change: Callable[[dict[str, Any]], None] = lambda settings: None,
    **environment: str,
) -> Iterator[Served]:
    """`sfapi serve` of a facility whose machine is the cluster, over SSH, with a red client of alice. `change` may do
    something to its settings."""
    directory = folder / scheduler
    configuration = directory / "superfacility.toml"
    subprocess.run([SFAPI, "init", str(directory), "--demo"], check=True, capture_output=True)
    settings = on_cluster(tomllib.loads(configuration.read_text()), cluster)
    settings["systems"]["perlmutter"] |= {"refresh_seconds": 5.0, "fresh_seconds": 1.0}
    if scheduler == "slurmrestd":
        secret = folder / "jwt.key"
        secret.touch(0o600)
        secret.write_bytes(cluster.jwt_key.read_bytes())
        settings["systems"]["perlmutter"]["scheduler"] |= {
            "adapter": scheduler,
            "socket": str(cluster.rest_socket),
            "jwt_key": str(secret),
        }
    change(settings)
    configuration.write_text(render(settings))
    for command in invitations(cluster):
        subprocess.run([SFAPI, *command, "--config", str(configuration)], check=True, capture_output=True)
    with serving(directory, folder / f"{scheduler}-key.json", cluster.users["alice"].name, environment) as served:
        yield served


@dataclass
class Person:
    """Alice at her own terminal: a key and a certificate of the day, OpenSSH, and Slurm's own programs."""

    cluster: SlurmCluster
    folder: Path

    def __post_init__(self) -> None:
        self.name = self.cluster.users["alice"].name
        self.key = self.folder / "alice"
        quiet = {"check": True, "capture_output": True}
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], **quiet)  # type: ignore[call-overload]
        sign = ["ssh-keygen", "-q", "-s", self.cluster.user_ca, "-I", "alice", "-n", self.name, "-V", "-1m:+1d"]
        subprocess.run([*sign, f"{self.key}.pub"], **quiet)  # type: ignore[call-overload]

    def ssh(self, *command: str, stdin: str = "") -> str:
        """`ssh host command`: a new connection, as people do it."""
        options = ("-o", f"UserKnownHostsFile={self.cluster.known_hosts}", "-o", "IdentitiesOnly=yes")
        where = ("-p", str(self.cluster.ssh_port), "-l", self.name, self.cluster.ssh_host)
        done = subprocess.run(
            ["ssh", "-F", "/dev/null", "-i", self.key, *options, *where, *command],
            input=stdin,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    async def connect(self) -> asyncssh.SSHClientConnection:
        """A connection that stays open."""
        return await asyncssh.connect(
            self.cluster.ssh_host,
            self.cluster.ssh_port,
            username=self.name,
            client_keys=[str(self.key)],
            known_hosts=str(self.cluster.known_hosts),
            config=None,
        )

    def rest(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """One request to slurmrestd with a token of alice."""
        now = int(time.time())
        key = OctKey.import_key(self.cluster.jwt_key.read_bytes())
        token = jwt.encode({"alg": "HS256"}, {"iat": now, "exp": now + 60, "sun": self.name}, key)
        request = urllib.request.Request(
            f"{self.cluster.rest_url}/slurm/{self.data_parser}{path}",
            json.dumps(body).encode() if body else None,
            {"X-SLURM-USER-NAME": self.name, "X-SLURM-USER-TOKEN": token, "Content-Type": "application/json"},
        )
        return json.load(urllib.request.urlopen(request, timeout=120))

    @property
    def data_parser(self) -> str:
        return DATA_PARSER.get(self.cluster.slurm_version[:2], "v0.0.42")

    @property
    def variables(self) -> dict[str, str]:
        return {"SLURM_CONF": str(self.cluster.slurm_conf)}

    def cancel_all(self) -> None:
        self.cluster.root("scancel", "-u", self.name)


@asynccontextmanager
async def layers(person: Person) -> AsyncIterator[tuple[Transport, Scheduler]]:
    """The adapters below the gateway, in this process: what is left of its time is its own."""
    cluster, state = person.cluster, person.folder / "layers"
    (state / "bin").mkdir(parents=True)
    homes = cluster.filesystems["home"]
    site = Site("perlmutter", lambda user: str(homes / user), (str(homes),), state, state / "bin")
    system = on_cluster({"systems": {"perlmutter": {}}, "transfers": {"endpoints": {}}}, cluster)["systems"][
        "perlmutter"
    ]
    options = {name: value for name, value in system["transport"].items() if name != "adapter"}
    transport = open_transport(site, options)
    options = {name: value for name, value in system["scheduler"].items() if name != "adapter"}
    scheduler = open_scheduler(site, options, transport)
    try:
        yield transport, scheduler
    finally:
        await transport.aclose()
