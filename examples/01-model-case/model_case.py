"""The model case: from raw data to a picture in the archive, without one SSH session.

Every step talks to the facility through the public API with the unmodified `sfapi_client`. Copy what you need.

    python model_case.py --key KEYFILE --api URL/api/v1.2 --token URL/oauth2/token
"""

import argparse
import hashlib
import json
import shlex
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from narration import Narrator
from sfapi_client import Client, SfApiError
from sfapi_client.compute import Compute, Machine
from sfapi_client.jobs import TERMINAL_STATES, JobSacct, JobSqueue, JobState
from sfapi_client.paths import RemotePath
from simulate import Microscope, simulate_scan

HERE = Path(__file__).resolve().parent
PROGRAMS = ("count.py", "pictures.py", "job.sh")
RESULTS = ("bf.png", "haadf.png", "diffraction.png", "montage.png", "summary.json", "counted.h5")
STAGES = ("counting", "saving", "drawing", "done")
ARCHIVE = "hpss"


def connect(key: Path, api: str, token: str) -> Client:
    """A client of the facility; `key` is a file of mode 0600 as `sfapi admin client create` writes it."""
    return Client(key=key, api_base_url=api.rstrip("/"), token_url=token, wait_interval=1)


class CaseFailed(Exception):
    """A step did not do what it should; the message says what the facility answered."""


@dataclass
class ModelCase:
    """The steps, in order. `output` is a folder here, `folder` one in the home over there; `python` is the Python over
    there that has stempy (or NumPy), h5py and Pillow."""

    client: Client
    output: Path
    python: str = sys.executable
    folder: str = "model-case"
    microscope: Microscope = field(default_factory=Microscope)
    tell: Narrator = field(default_factory=Narrator)
    used_before: dict[str, float] = field(default_factory=dict, init=False)
    """Node hours that each project had used when we looked around."""

    @cached_property
    def machine(self) -> Compute:
        return self.client.compute(Machine.perlmutter)

    @cached_property
    def remote(self) -> RemotePath:
        """Our folder over there, made if it is missing, without the results of an earlier run."""
        name = shlex.quote(self.folder)
        path = self.machine.run(f"mkdir -p {name} && cd {name} && rm -rf results retrieved && pwd").strip()
        return self.machine.ls(path, directory=True)[0]

    @property
    def raw(self) -> Path:
        return self.output / "raw.h5"

    def run(self) -> Path:
        """All steps; returns the picture."""
        self.look_around()
        self.measure()
        self.put_in()
        job = self.submit()
        self.follow(job)
        picture = self.fetch()
        self.archive()
        self.account_for(job)
        return picture

    def look_around(self) -> None:
        with self.tell.step(
            "Is the machine up, is an outage planned, have I hours left?",
            "a look at the status page, at the mail about maintenance and at the accounting portal",
        ):
            self.tell.say(
                f"{self.machine.full_name}: [bold]{self.machine.status.value}[/] ({self.machine.description})"
            )
            for outage in self.machine.planned_outages():
                when = outage.start_at.strftime("%Y-%m-%d %H:%M %Z") if outage.start_at else "some day"
                self.tell.say(f"planned outage: {when}, {outage.description}")
            for project in self.client.user().projects():
                self.used_before[project.repo_name] = used = project.hours_used or 0.0
                given = project.hours_given or 0.0
                self.tell.say(f"project {project.repo_name}: {given - used:,.4f} of {given:,.0f} node hours left")

    def measure(self) -> None:
        """Where an instrument would write its data, we simulate it."""
        with self.tell.step("Take a 4D-STEM scan (simulated here)", "the beam time that we do not have"):
            self.output.mkdir(parents=True, exist_ok=True)
            with self.tell.bar("rows scanned") as show:
                electrons = simulate_scan(self.raw, self.microscope, on_row=show)
            rows, columns = self.microscope.scan
            self.tell.say(
                f"{rows} x {columns} beam positions, {electrons:,} electrons, {megabytes(self.raw)} compressed"
            )

    def put_in(self) -> None:
        with self.tell.step("Put the raw data there", "scp raw.h5 count.py job.sh perlmutter:model-case/"):
            with self.tell.reading(self.raw) as file:
                (self.remote / self.raw.name).upload(file)
            for name in PROGRAMS:
                with (HERE / name).open("rb") as file:
                    (self.remote / name).upload(file)
            self.tell.say(f"and the programs of the analysis: {', '.join(PROGRAMS)}")

    def submit(self) -> JobSqueue:
        with self.tell.step("Start the analysis", "ssh perlmutter sbatch job.sh"):
            job = self.machine.submit_job(str(self.remote / "job.sh"), args=[str(self.remote), self.python])
            self.tell.say(f"job {job.jobid}")
            return job

    def follow(self, job: JobSqueue, limit: float = 300) -> None:
        with (
            self.tell.step("Follow it", "ssh perlmutter, then squeue --me | grep count-electrons, again and again"),
            self.tell.bar("waiting for the job") as show,
        ):
            deadline = time.monotonic() + limit
            while job.state not in TERMINAL_STATES:
                if time.monotonic() > deadline:
                    raise CaseFailed(f"job {job.jobid} is still {job.state} after {limit:.0f} s")
                time.sleep(0.3)
                job.update()
                stage = self.progress().get("stage")
                show(
                    STAGES.index(stage) if stage in STAGES else 0, len(STAGES) - 1, f"{job.state.value}: {stage or '-'}"
                )
            if job.state is not JobState.COMPLETED:
                raise CaseFailed(f"job {job.jobid} ended as {job.state.value}; it wrote:\n{self.log(job)}")

    def progress(self) -> dict[str, Any]:
        """What the job last said of itself; empty before it has begun."""
        try:
            text = (self.remote / "results" / "progress.json").download()
        except SfApiError:
            return {}
        found: dict[str, Any] = json.loads(text.read())
        return found

    def log(self, job: JobSqueue) -> str:
        """The last lines of the job's output, which lands in the home."""
        name = f"count-electrons-{job.jobid}.log"
        return str(self.machine.run(f"tail -n 20 {name} 2>&1 || true"))

    def fetch(self) -> Path:
        with self.tell.step("Look at the result", "scp perlmutter:model-case/results/* . and an X11 tunnel"):
            with self.tell.bar("files") as show:
                for done, name in enumerate(RESULTS, start=1):
                    content = (self.remote / "results" / name).download(binary=True)
                    (self.output / name).write_bytes(content.read())
                    show(done, len(RESULTS), name)
            facts = json.loads((self.output / "summary.json").read_text())
            smaller = facts["raw_bytes"] / facts["counted_bytes"]
            self.tell.say(
                f"{facts['electrons']:,} electrons counted with {facts['engine']}, "
                f"{smaller:.0f} times smaller than the raw frames"
            )
            return self.output / "montage.png"

    def archive(self) -> None:
        with self.tell.step("Archive raw data and result, and check the copies", "hsi put, hsi get and md5sum by hand"):
            place = f"/{self.client.user().name}/{self.folder}"
            self.transfer(Machine.perlmutter, ARCHIVE, self.remote / "raw.h5", f"{place}/raw.h5")
            self.transfer(Machine.perlmutter, ARCHIVE, self.remote / "results", f"{place}/results")
            self.transfer(ARCHIVE, Machine.perlmutter, place, self.remote / "retrieved")
            self.verify()

    def transfer(
        self, source: Machine | str, target: Machine | str, source_path: RemotePath | str, target_path: RemotePath | str
    ) -> None:
        transfer = self.client.storage.globus().start_transfer(source, target, str(source_path), str(target_path))
        with self.tell.console.status(f"{source_path} to {target}"):
            transfer.complete(timeout=300)
        if transfer.globus_status.value != "SUCCEEDED":
            raise CaseFailed(
                f"the transfer of {source_path} ended as {transfer.globus_status.value}: {transfer.reason}"
            )
        self.tell.say(f"{source_path} [dim]({source})[/] -> {target_path} [dim]({target})[/]")

    def verify(self) -> None:
        """Compare what came back from the archive with what we sent, by SHA-256."""
        folder = shlex.quote(str(self.remote))
        names = ("raw.h5", "results/counted.h5", "results/montage.png")
        listing = self.machine.run(f"cd {folder}/retrieved && sha256sum {' '.join(names)} && rm -r {folder}/retrieved")
        back = {name: digest for digest, name in (line.split() for line in listing.splitlines())}
        for name in names:
            if back[name] != sha256(self.output / Path(name).name):
                raise CaseFailed(f"{name} came back from the archive with another checksum")
            self.tell.say(f"{back[name][:16]}... {name} [green]equal here, there and in the archive[/]")

    def account_for(self, job: JobSqueue, limit: float = 60) -> float:
        """What the job cost. The facility charges a job once it has seen it end, which may take a moment."""
        with self.tell.step("See what it was charged", "the accounting portal, tomorrow"):
            row: JobSacct = self.machine.job(job.jobid)
            self.tell.say(f"job {row.jobid} ran {row.elapsed} on {row.alloccpus} core(s) for project {row.account}")
            deadline = time.monotonic() + limit
            while (charge := self.hours_used()[row.account] - self.used_before.get(row.account, 0)) <= 0:
                if time.monotonic() > deadline:
                    raise CaseFailed(f"job {row.jobid} was not charged within {limit:.0f} s")
                time.sleep(0.5)
            self.tell.say(f"project {row.account} was charged [bold]{charge:.6f} node hours[/]")
            return charge

    def hours_used(self) -> dict[str, float]:
        return {project.repo_name: project.hours_used or 0.0 for project in self.client.user().projects()}


def megabytes(path: Path) -> str:
    return f"{path.stat().st_size / 1e6:.1f} MB"


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--key", type=Path, required=True, help="key file of a red client (mode 0600)")
    parser.add_argument("--api", required=True, help="base URL of the API, ending in /api/v1.2")
    parser.add_argument("--token", required=True, help="URL of the token endpoint")
    parser.add_argument("--output", type=Path, default=Path("model-case"), help="folder here for data and pictures")
    parser.add_argument("--python", default=sys.executable, help="Python there, with h5py, Pillow and stempy or NumPy")
    arguments = parser.parse_args()
    with connect(arguments.key, arguments.api, arguments.token) as client:
        picture = ModelCase(client, arguments.output, arguments.python).run()
    print(f"\nThe picture: {picture.resolve()}")


if __name__ == "__main__":
    main()
