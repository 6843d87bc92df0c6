"""The same contract by slurmrestd: on the majors whose slurmrestd is trusted with submissions, and what older ones get.

The whole contract is run again where submissions really go by slurmrestd; before 23.11 they go by sbatch, which
`test_contract.py` has tried.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from superfacility.adapters.slurm.rest.adapter import RestScheduler
from superfacility.facility.errors import NotFound, NotPermitted, Refused, Unavailable
from superfacility.facility.jobs import JobId, JobScript
from superfacility.facility.people import User
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import new_intent

HELD = JobScript(text="#!/bin/sh\n#SBATCH --job-name=rest --hold --account=m0001 --time=2:00\nexec sleep 60\n")

OpenedRest = Callable[..., RestScheduler]


@pytest.fixture
def alice(person: Callable[[str], User]) -> User:
    return person("alice")


async def test_it_answers_over_its_socket_and_over_loopback(open_rest: OpenedRest, cluster: SlurmCluster) -> None:
    await open_rest().ping()
    await open_rest(socket=None, url=cluster.rest_url).ping()


async def test_nobody_there(open_rest: OpenedRest, tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="slurmrestd does not answer"):
        await open_rest(socket=str(tmp_path / "no.sock")).ping()


async def test_another_key_than_slurms_is_named(open_rest: OpenedRest, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.key"
    wrong.write_bytes(b"k" * 32)
    wrong.chmod(0o600)
    with pytest.raises(Unavailable, match="jwt_key"):
        await open_rest(jwt_key=str(wrong)).ping()


async def test_a_job_is_submitted_found_and_cancelled(
    open_rest: OpenedRest, alice: User, person: Callable[[str], User]
) -> None:
    scheduler, intent = open_rest(), new_intent()
    job_id = await scheduler.submit(alice, HELD, intent)
    listed = {job.id: job for job in (await scheduler.queue()).jobs}
    assert (listed[job_id].user, listed[job_id].name, listed[job_id].project) == (alice.name, "rest", "m0001")
    assert listed[job_id].columns["time_limit"] == "2:00"
    another_process = open_rest()
    assert await another_process.find(alice, intent, listed[job_id].submitted_at or scheduler._clock.now()) == job_id
    with pytest.raises(NotPermitted):
        await scheduler.cancel(person("bob"), job_id)
    await scheduler.cancel(alice, job_id)
    assert job_id not in {job.id for job in (await scheduler.queue()).jobs}
    await scheduler.cancel(alice, job_id)


async def test_it_refuses_in_slurms_words(open_rest: OpenedRest, alice: User) -> None:
    with pytest.raises(Refused, match="Invalid qos specification"):
        await open_rest().submit(alice, JobScript(text="#!/bin/sh\n#SBATCH --qos=nope\ntrue\n"), new_intent())


async def test_unknown_jobs(open_rest: OpenedRest, alice: User) -> None:
    with pytest.raises(NotFound):
        await open_rest().cancel(alice, JobId("99999999"))


async def test_it_says_which_data_parser_it_speaks_with(open_rest: OpenedRest) -> None:
    found = await open_rest().capabilities()
    assert found.name == "slurm"
    assert re.fullmatch(r"slurmrestd v0\.0\.\d+(, which gets no submissions)?", found.interface)
