"""The files of a job that the controller has forgotten: one question to the accounting, with the real sacct."""

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.facility.errors import NotFound
from superfacility.facility.jobs import JobDetails, JobId, JobScript
from superfacility.facility.people import User
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import new_intent
from superfacility.testing.contracts.scheduler.waiting import PATIENCE, PAUSE, ended

FORGETFUL = """#!/bin/sh
case "$*" in
  *"show job"*) echo "slurm_load_jobs error: Invalid job id specified" >&2; exit 1 ;;
  *) exec {real} "$@" ;;
esac
"""
QUICK = JobScript(text="#!/bin/sh\n#SBATCH --time=2 --job-name=forgotten\n#SBATCH -o out-%j.txt\ntrue\n")


@pytest.fixture
def forgetful(cluster: SlurmCluster) -> Iterator[Path]:
    """A folder of Slurm's programs that everybody can run, whose controller knows no job; its path is the same where
    the cluster's programs are those of another release."""
    with tempfile.TemporaryDirectory(dir=cluster.state) as name:
        folder = Path(name)
        folder.chmod(0o755)
        for program in ("squeue", "sacct"):
            (folder / program).symlink_to(str(shutil.which(program)))
        (folder / "scontrol").write_text(FORGETFUL.format(real=shutil.which("scontrol")))
        (folder / "scontrol").chmod(0o755)
        yield folder


async def accounted(scheduler: SlurmScheduler, user: User, job_id: JobId) -> JobDetails:
    """Once accounting has the whole row: a step can reach it before its job."""
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(NotFound):
                found = await scheduler.details(user, job_id)
                if found.directory is not None:
                    return found
            await asyncio.sleep(PAUSE)


@pytest.mark.timeout(300)
async def test_accounting_tells_what_the_controller_has_forgotten(
    open_slurm: Callable[..., SlurmScheduler], person: Callable[[str], User], forgetful: Path
) -> None:
    alice, steady = person("alice"), open_slurm()
    job_id = await steady.submit(alice, QUICK, new_intent())
    await ended(steady, job_id)
    known, found = await steady.details(alice, job_id), await accounted(open_slurm(bin=str(forgetful)), alice, job_id)
    assert (found.id, found.user, found.directory) == (job_id, alice.name, known.directory)
    assert found.script in (known.script, None)  # a site may not keep scripts
    assert found.stdout in (known.stdout, None)  # nor Slurm, before 24.11, the paths
