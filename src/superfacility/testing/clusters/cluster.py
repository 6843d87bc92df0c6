"""A real Slurm cluster that `deploy/test-cluster/up.sh` made: who lives there, how to reach it, and how to disturb it.

Everything is read from the `cluster.json` in its state folder, so that a test, a benchmark and a demonstration find the
same cluster. Acting as other people and disturbing daemons need root.
"""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from superfacility.testing.processes import is_process, wait_for_end

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account on the cluster."""

    name: str
    uid: int
    gid: int
    home: Path
    projects: tuple[str, ...]


@dataclass
class SlurmCluster:
    """One cluster. `people` and `projects` go by the plain names (alice, m0001), whatever prefix its users have."""

    state: Path
    facts: dict[str, Any]
    paused: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, state: Path) -> "SlurmCluster":
        return cls(state, json.loads((state / "cluster.json").read_text()))

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def slurm_version(self) -> str:
        return str(self.facts["slurm_version"])

    @property
    def rest_submits(self) -> bool:
        """Whether our adapter trusts its slurmrestd with submissions."""
        major, minor = self.slurm_version.split(".")[:2]
        return (int(major), int(minor)) >= (23, 11)

    @property
    def slurm_conf(self) -> Path:
        return Path(self.facts["slurm_conf"])

    @property
    def ssh_host(self) -> str:
        return str(self.facts["ssh"]["host"])

    @property
    def ssh_port(self) -> int:
        return int(self.facts["ssh"]["port"])

    @property
    def user_ca(self) -> Path:
        return Path(self.facts["ssh"]["user_ca"])

    @property
    def known_hosts(self) -> Path:
        return Path(self.facts["ssh"]["known_hosts"])

    @property
    def authorized_keys(self) -> Path:
        """A folder: public keys in the file USER let in as that user."""
        return Path(self.facts["ssh"]["authorized_keys"])

    @property
    def rest_url(self) -> str:
        return str(self.facts["rest"]["url"])

    @property
    def rest_socket(self) -> Path:
        return Path(self.facts["rest"]["socket"])

    @property
    def jwt_key(self) -> Path:
        return Path(self.facts["rest"]["jwt_key"])

    @property
    def service_account(self) -> str:
        """An operator of Slurm who may not submit: the collector's account."""
        return str(self.facts["service_account"])

    @property
    def users(self) -> dict[str, Person]:
        return {
            plain: Person(each["name"], each["uid"], each["gid"], Path(each["home"]), tuple(each["projects"]))
            for plain, each in self.facts["users"].items()
        }

    @property
    def projects(self) -> dict[str, tuple[str, ...]]:
        return {name: tuple(each["members"]) for name, each in self.facts["projects"].items()}

    @property
    def filesystems(self) -> dict[str, Path]:
        return {name: Path(path) for name, path in self.facts["filesystems"].items()}

    @property
    def environment(self) -> dict[str, str]:
        """What a command of Slurm needs to find this cluster, and nothing of the caller's."""
        return {"SLURM_CONF": str(self.slurm_conf), "PATH": PATH, "LC_ALL": "C.UTF-8"}

    def home(self, user: str) -> Path:
        return self._person(user).home

    def as_user(self, user: str, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as that person, at home."""
        person = self._person(user)
        me = {"HOME": str(person.home), "USER": person.name, "LOGNAME": person.name}
        become = ("setpriv", f"--reuid={person.name}", f"--regid={person.name}", "--init-groups")
        return self._run(*become, "env", f"--chdir={person.home}", *command, more=me, stdin=stdin)

    def root(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command as root, who administers Slurm."""
        return self._run(*command, more={"HOME": "/root"}, stdin=stdin)

    def daemons(self) -> tuple[str, ...]:
        return tuple(self.facts["pid_files"])

    def pid(self, daemon: str) -> int | None:
        """The process of slurmctld, slurmdbd, mariadbd, munged, sshd, slurmrestd or slurmd.NODE, if it lives."""
        try:
            pid = int(Path(self.facts["pid_files"][daemon]).read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if is_process(pid, daemon.partition(".")[0]) else None

    def pause(self, daemon: str) -> None:
        """Stop it as a machine that hangs would: its connections stay open and nobody answers."""
        self.paused.add(daemon)
        os.kill(self._living(daemon), signal.SIGSTOP)

    def resume(self, daemon: str) -> None:
        self.paused.discard(daemon)
        os.kill(self._living(daemon), signal.SIGCONT)

    def kill(self, daemon: str) -> None:
        self._end(daemon, signal.SIGKILL)

    def stop(self, daemon: str) -> None:
        self._end(daemon, signal.SIGTERM)

    def start(self, daemon: str = "") -> None:
        """Complete the cluster: every daemon that does not run is started, and answers."""
        settings = {"INSTALL": "0", "FIRST_JOB": "0", "PATIENCE": f"{PATIENCE:.0f}"}
        done = self._run(self.facts["up"], str(self.state), more=settings, limit=5 * PATIENCE)
        if done.returncode or (daemon and self.pid(daemon) is None):
            raise RuntimeError(f"{daemon or 'the cluster'} does not start:\n{done.stderr}")

    @contextmanager
    def lagging_accounting(self) -> Iterator[None]:
        """Accounting answers meanwhile, and learns of nothing: what happens to jobs waits in slurmdbd."""
        session = ("mariadb", "--no-defaults", "--unbuffered", "--skip-column-names", "--user=root")
        server = f"--socket={self.facts['accounting_socket']}"
        command = [*self._inside(), *session, server, "slurm_acct_db"]
        with subprocess.Popen(
            command, env=self.environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as locking:
            assert locking.stdin is not None
            assert locking.stdout is not None
            locking.stdin.write(f"lock tables {self.name}_job_table read; select 'locked';\n")
            locking.stdin.flush()
            if locking.stdout.readline() != "locked\n":
                raise RuntimeError("the database of accounting cannot be locked")
            yield

    def is_up(self) -> bool:
        return all(self.pid(daemon) for daemon in self.daemons())

    def repair(self) -> None:
        """Undo what a test did to the daemons."""
        for daemon in tuple(self.paused):
            self.paused.discard(daemon)
            if pid := self.pid(daemon):
                os.kill(pid, signal.SIGCONT)
        if not self.is_up():
            self.start()

    def wait_until_ended(self, job: str, limit: float = PATIENCE) -> str:
        """The state of a job's end, by the controller, or by accounting when it has forgotten the job."""
        end = time.monotonic() + limit
        while time.monotonic() < end:
            state = self._final_state(job)
            if state:
                return state
            time.sleep(0.1)
        raise TimeoutError(f"Job {job} has not ended within {limit:g} s.")

    def _final_state(self, job: str) -> str:
        if self.root("squeue", "-h", "-j", job, "-o", "%T").stdout.strip():
            return ""
        if self.facts["accounting"]:
            words = self.root("sacct", "-X", "-n", "-P", "-j", job, "-o", "state").stdout.split()
        else:
            words = re.findall(r"JobState=(\S+)", self.root("scontrol", "show", "job", job).stdout)
        return words[0] if words and words[0] not in {"PENDING", "RUNNING", "COMPLETING"} else ""

    def _person(self, user: str) -> Person:
        people = self.users
        return people[user] if user in people else next(each for each in people.values() if each.name == user)

    def _living(self, daemon: str) -> int:
        pid = self.pid(daemon)
        if pid is None:
            raise ProcessLookupError(f"{daemon} does not run")
        return pid

    def _end(self, daemon: str, with_signal: signal.Signals) -> None:
        pid = self._living(daemon)
        self.paused.discard(daemon)
        os.kill(pid, with_signal)
        os.kill(pid, signal.SIGCONT)
        wait_for_end(pid, daemon.partition(".")[0], PATIENCE)

    def _run(
        self, *command: str, more: dict[str, str], stdin: str | None = None, limit: float = PATIENCE
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self._inside(), *command],
            env=self.environment | more,
            cwd="/",
            input=stdin or "",
            capture_output=True,
            text=True,
            timeout=limit,
            check=False,
        )

    def _inside(self) -> tuple[str, ...]:
        """A cluster of another Debian release lives in a tree and mounts of its own; munged knows the way."""
        if self.facts["root_folder"] == "/":
            return ()
        return ("nsenter", "--mount", "--root", f"--target={self._living('munged')}")
