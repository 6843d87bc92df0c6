"""A folder of Slurm's programs for one gateway alone: what it asks is told apart from what others ask of a cluster."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

SLURM = Path("/usr/bin")
ASKS = """#!/bin/bash
echo >>{asked}
exec -a "$0" {squeue} "$@"
"""


@dataclass(frozen=True)
class OwnPrograms:
    """`folder` is to be the scheduler's option `bin`."""

    folder: Path

    @property
    def asked(self) -> int:
        """How often squeue was called."""
        return len((self.folder / "asked").read_text())

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
        for program in ("sacct", "sacctmgr", "sbatch", "scancel", "scontrol"):
            (folder / program).symlink_to(SLURM / program)
        (folder / "asked").touch()
        (folder / "asked").chmod(0o666)
        (folder / "squeue").write_text(ASKS.format(asked=folder / "asked", squeue=SLURM / "squeue"))
        (folder / "squeue").chmod(0o755)
        yield OwnPrograms(folder)
