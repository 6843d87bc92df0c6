"""A folder of Slurm's programs for one gateway alone: what it asks is told apart from what others ask of a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SLURM = Path("/usr/bin")
ASKS = """#!/bin/bash
printf '%.200s\n' "{program} $*" >>{asked}
exec -a "$0" {slurm}/{program} "$@"
"""


@dataclass(frozen=True)
class OwnPrograms:
    """`folder` is to be the scheduler's option `bin`."""

    folder: Path

    def asked(self, program: str = "squeue", words: str = "") -> int:
        """How often it was called, with such words among others."""
        calls = (f"{line} ".split(" ", 1) for line in (self.folder / "asked").read_text().splitlines())
        return sum(name == program and f" {words}" in f" {rest}" for name, rest in calls)

    @property
    def under_way(self) -> int:
        """How many processes of squeue there are at this moment."""
        mark, found = f"{self.folder}/squeue\0".encode(), 0
        for each in Path("/proc").glob("[0-9]*"):
            try:
                found += (each / "comm").read_bytes() == b"squeue\n" and mark in (each / "cmdline").read_bytes()
            except OSError:
                continue  # it has ended meanwhile
        return found


@contextmanager
def own_programs() -> Iterator[OwnPrograms]:
    """Everybody may run them: the gateway calls them as the people and as the account that it reads with."""
    with TemporaryDirectory(prefix="sfapi-slurm-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        (folder / "asked").touch()
        (folder / "asked").chmod(0o666)
        for program in ("sacct", "sacctmgr", "sbatch", "scancel", "scontrol", "squeue"):
            (folder / program).write_text(ASKS.format(asked=folder / "asked", slurm=SLURM, program=program))
            (folder / program).chmod(0o755)
        yield OwnPrograms(folder)
