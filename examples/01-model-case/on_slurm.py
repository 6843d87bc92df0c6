"""The demonstration facility on a real Slurm cluster: its settings, its people, and a Python that they may run."""

import os
import shutil
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from superfacility.cli.configuration import render
from superfacility.testing.clusters import SlurmCluster, invitations, on_cluster

SCIENCE = "import h5py, numpy, PIL"


def move_to(cluster: SlurmCluster, configuration: Path, sfapi: Callable[..., str]) -> None:
    """Let a new demonstration facility reach its machines over SSH, and invite the people who live there."""
    configuration.write_text(render(on_cluster(tomllib.loads(configuration.read_text()), cluster)))
    for command in invitations(cluster):
        sfapi(*command, "--config", str(configuration))


def science_for(cluster: SlurmCluster, user: str) -> str:
    """A Python with the demonstration's science: ours if the user may read it, else a copy in the cluster's folder."""
    copy = cluster.state / "science"
    ours = Path(sys.prefix)
    if works(cluster, user, ours):
        return str(ours / "bin" / "python")
    if not works(cluster, user, copy):
        shutil.rmtree(copy, ignore_errors=True)
        copy_python(ours, copy)
    if not works(cluster, user, copy):
        raise LookupError(
            f"{user} may not run {sys.executable}, nor a copy: make .venv from another Python (PYTHON=...)"
        )
    return str(copy / "bin" / "python")


def copy_python(environment: Path, copy: Path) -> None:
    """An environment together with the Python below it, which may lie in the home of whoever made it."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base = copy / "base"
    leave = shutil.ignore_patterns("site-packages", "test", "__pycache__")
    shutil.copytree(Path(sys.base_prefix, "lib", version), base / "lib" / version, ignore=leave, copy_function=link)
    shutil.copytree(environment / "lib", copy / "lib", copy_function=link)
    for folder in (base / "bin", copy / "bin"):
        folder.mkdir()
    link(str(Path(sys.base_prefix, "bin", version)), str(base / "bin" / version))
    (copy / "bin" / "python").symlink_to(base / "bin" / version)
    (copy / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n")


def link(source: str, target: str) -> None:
    """Where it can be, a copy is another name of the same file: it takes neither time nor room."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def works(cluster: SlurmCluster, user: str, environment: Path) -> bool:
    return cluster.as_user(user, str(environment / "bin" / "python"), "-c", SCIENCE).returncode == 0
