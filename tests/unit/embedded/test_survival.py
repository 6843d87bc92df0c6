"""Jobs and what is known of them survive whatever is killed; nothing is half done, and nothing is left behind."""

import asyncio
import os
import random
import shutil
import signal
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.embedded import open_scheduler
from superfacility.adapters.embedded.protocol import address
from superfacility.facility.errors import FacilityError, Refused
from superfacility.facility.jobs import JobScript, JobState
from superfacility.facility.site import Site
from superfacility.testing.contracts.scheduler import DEMO1, just_now, new_intent


def environment_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes()


async def test_a_job_outlives_the_daemon_and_its_exit_code_is_known(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "echo > begun; until test -e go; do sleep 0.01; done; exit 7")
    await place.eventually((place.home / "begun").exists)
    await place.kill_daemon()
    (place.home / "go").touch()
    await place.eventually(lambda: not place.supervisors())
    job = await place.until(scheduler, job_id)
    assert (job.state, job.exit_code) == (JobState.FAILED, 7)


async def test_a_new_daemon_finds_running_jobs_again(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "echo > begun; until test -e go; do sleep 0.01; done")
    await place.eventually((place.home / "begun").exists)
    await place.kill_daemon()
    assert (await place.until(scheduler, job_id, JobState.RUNNING)).started_at is not None
    (place.home / "go").touch()
    assert (await place.until(scheduler, job_id)).state is JobState.COMPLETED


async def test_pending_jobs_start_after_a_restart(place: Any) -> None:
    scheduler = place.open(cores=1)
    first = await place.submit(scheduler, "until test -e go; do sleep 0.01; done")
    second = await place.submit(scheduler, "exit 0")
    await place.kill_daemon()
    (place.home / "go").touch()
    assert (await place.until(scheduler, first)).state is JobState.COMPLETED
    assert (await place.until(scheduler, second)).state is JobState.COMPLETED


async def test_the_time_limit_holds_without_a_daemon(place: Any) -> None:
    scheduler = place.open()
    for seconds in (3, 10, 30):
        job_id = await place.submit(scheduler, "while :; do sleep 0.1; done", f"-t 0:{seconds:02}")
        await place.until(scheduler, job_id, JobState.RUNNING, JobState.TIMEOUT)
        await place.kill_daemon()
        if place.running():
            break  # else this machine is so slow that the daemon has lived to see the limit
    assert place.running()
    await place.eventually(lambda: not place.running())
    assert (await place.until(scheduler, job_id)).state is JobState.TIMEOUT


async def test_a_job_that_ignores_term_is_killed(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "trap '' TERM; echo $$ > pid; while :; do sleep 0.05; done")
    pid = await place.read_pid("pid")
    await scheduler.cancel(DEMO1, job_id)
    assert (await place.until(scheduler, job_id)).state is JobState.CANCELLED
    assert not place.alive(pid)


async def test_a_job_whose_supervisor_was_killed_fails_and_is_ended(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "sleep 600 & echo $! > pid; wait")
    pid = await place.read_pid("pid")
    (supervisor,) = place.supervisors()
    os.kill(supervisor, signal.SIGKILL)
    job = await place.until(scheduler, job_id)
    assert job.state is JobState.FAILED
    await place.eventually(lambda: not place.alive(pid))


async def test_daemon_and_supervisor_killed_together(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "echo $$ > pid; exec sleep 600")
    pid = await place.read_pid("pid")
    for each in place.daemons() + place.supervisors():
        os.kill(each, signal.SIGKILL)
    assert (await place.until(scheduler, job_id)).state is JobState.FAILED
    await place.eventually(lambda: not place.alive(pid))


async def test_a_background_process_ends_with_its_job(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "sleep 600 & echo $! > pid")
    pid = await place.read_pid("pid")
    assert (await place.until(scheduler, job_id)).state is JobState.COMPLETED
    await place.eventually(lambda: not place.alive(pid))


async def test_many_starts_make_one_daemon(place: Any) -> None:
    schedulers = [place.open() for _ in range(6)]
    ids = await asyncio.gather(*(place.submit(each, "exit 0") for each in schedulers))
    assert len(set(ids)) == 6
    await place.eventually(lambda: len(place.daemons()) == 1)


async def test_an_intent_is_known_after_a_restart(place: Any) -> None:
    scheduler = place.open()
    intent = new_intent()
    script = JobScript(text="#!/bin/sh\nexit 0\n")
    job_id = await scheduler.submit(DEMO1, script, intent)
    await place.kill_daemon()
    assert await scheduler.submit(DEMO1, script, intent) == job_id
    assert await scheduler.find(DEMO1, intent, just_now()) == job_id


async def kill_daemons(place: Any, times: int) -> None:
    """At random moments, some of them while it starts."""
    for _ in range(times):
        await asyncio.sleep(random.uniform(0.02, 1.0))
        for daemon in place.daemons():
            with suppress(ProcessLookupError):
                os.kill(daemon, signal.SIGKILL)


@pytest.mark.timeout(900)
async def test_kills_at_random_lose_and_double_nothing(place: Any, soak: bool) -> None:
    scheduler = place.open()
    killer = asyncio.create_task(kill_daemons(place, 100 if soak else 8))
    intents = [new_intent() for _ in range(200 if soak else 12)]
    ids = []
    for number, intent in enumerate(intents):
        script = JobScript(text=f"#!/bin/sh\necho x >> ran-{number}\nsleep 0.{number % 3}\nexit {number % 4}\n")
        ids.append(await insist(scheduler, script, intent))
    await killer
    for number, job_id in enumerate(ids):
        assert (await place.until(scheduler, job_id)).exit_code == number % 4
        assert (place.home / f"ran-{number}").read_text() == "x\n"


async def insist(scheduler: Any, script: JobScript, intent: Any) -> str:
    """As the handler of a task does: look, then submit again with the same intent."""
    while True:
        try:
            return str(await scheduler.find(DEMO1, intent, just_now()) or await scheduler.submit(DEMO1, script, intent))
        except FacilityError as error:
            if not error.transient:
                raise


GARBAGE = (
    b"\n",
    b"{}\n",
    b"[1]\n",
    b"null\n",
    b"\xff\xfe\n",
    b"no end of line",
    b'{"do": 5, "x": NaN}\n',
    b'{"do": "submit"}\n',
    b'{"do": "cancel", "job": {}}\n',
    b'{"do": "update", "job": "1"}\n',
    b"[" * 100_000 + b"\n",
)


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda each: str(each[:20]))
async def test_garbage_on_the_socket_harms_nobody(place: Any, garbage: bytes) -> None:
    scheduler = place.open()
    await scheduler.ping()
    (daemon,) = place.daemons()
    with socket.socket(socket.AF_UNIX) as connection, address(place.state) as where:
        connection.settimeout(10)
        connection.connect(where)
        connection.sendall(garbage)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(65536)
    assert not answer or b'"error"' in answer
    await scheduler.ping()
    assert place.daemons() == [daemon]


async def test_a_long_state_folder_still_has_a_socket(far_place: Any) -> None:
    scheduler = far_place.open()
    job_id = await far_place.submit(scheduler, "squeue -h -o %i > seen")
    assert (await far_place.until(scheduler, job_id)).state is JobState.COMPLETED
    assert (far_place.home / "seen").read_text() == f"{job_id}\n"


async def test_an_idle_daemon_ends_and_starts_again(place: Any) -> None:
    scheduler = place.open(idle_exit=0.1)
    job_id = await place.submit(scheduler, "exit 0")
    await place.until(scheduler, job_id)
    await scheduler.aclose()
    await place.eventually(lambda: not place.daemons())
    assert (await place.until(scheduler, job_id)).state is JobState.COMPLETED


async def test_the_daemon_and_its_jobs_end_with_the_state_folder(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "echo $$ > pid; exec sleep 600")
    pid = await place.read_pid("pid")
    shutil.rmtree(place.state)
    await place.eventually(lambda: not place.daemons())
    await place.eventually(lambda: not place.alive(pid))


async def test_nothing_of_the_server_s_environment_reaches_a_job(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_TOKEN", "sing-0451")
    monkeypatch.setenv("LD_PRELOAD", "")
    scheduler = place.open()
    job_id = await place.submit(scheduler, "env; tr '\\0' '\\n' < /proc/$PPID/environ; pwd")
    await place.until(scheduler, job_id)
    output = (place.home / f"slurm-{job_id}.out").read_text()
    assert "CANARY" not in output
    assert "sing-0451" not in output
    assert output.endswith(f"{place.home}\n")
    for name in ("SLURM_JOB_ID=1", f"HOME={place.home}", "USER=demo1", f"PATH={place.state}/bin:"):
        assert name in output
    for daemon in place.daemons():
        assert b"sing-0451" not in environment_of(daemon)


async def test_state_files_are_for_this_account_alone(place: Any) -> None:
    scheduler = place.open()
    await place.submit(scheduler, "sleep 600")
    await place.eventually(lambda: bool(place.supervisors()))
    assert place.state.stat().st_mode & 0o777 == 0o700
    for each in ("journal", "socket", "configuration.json", "daemon.lock"):
        assert (place.state / each).stat().st_mode & 0o077 == 0, each


async def test_finished_jobs_leave_no_files(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "exit 0", "--array=0-2")
    for task in range(3):
        await place.until(scheduler, f"{job_id}_{task}")
    assert list((place.state / "jobs").iterdir()) == []


async def test_a_full_disk_refuses_a_submission(place: Any) -> None:
    scheduler = place.open()
    await scheduler.ping()
    jobs = place.state / "jobs"
    jobs.rmdir()
    jobs.touch()
    with pytest.raises(Refused, match="sbatch: error: Batch job submission failed: "):
        await place.submit(scheduler, "exit 0")
    assert (await scheduler.queue()).jobs == ()
    jobs.unlink()
    jobs.mkdir()
    assert (await place.until(scheduler, await place.submit(scheduler, "exit 0"))).state is JobState.COMPLETED


async def test_an_output_that_cannot_be_opened_fails_the_job(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "touch ran", "--output=missing/out")
    job = await place.until(scheduler, job_id)
    assert (job.state, job.exit_code) == (JobState.FAILED, 1)
    assert not (place.home / "ran").exists()


async def test_a_relative_state_folder_is_the_same_everywhere(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(place.root)
    site = Site("here", lambda user: str(place.home), (), Path("state"), Path("state/bin"))
    scheduler: Any = open_scheduler(site, {"cores": 1}, place.transport)
    try:
        await place.submit(scheduler, "squeue -h -o %A > seen")
        assert (await place.until(scheduler, "1")).state is JobState.COMPLETED
        assert (place.home / "seen").read_text() == "1\n"
    finally:
        await scheduler.stop_daemon()
        await scheduler.aclose()


async def test_a_requeue_survives_the_daemon(place: Any) -> None:
    scheduler = place.open()
    job_id = await place.submit(scheduler, "echo run >> runs; trap '' TERM; sleep 600 & wait; sleep 600")
    await place.eventually(lambda: (place.home / "runs").exists())
    await scheduler.requeue(DEMO1, job_id)
    await place.kill_daemon()
    await scheduler.ping()
    await place.eventually(lambda: (place.home / "runs").read_text() == "run\nrun\n")
    assert (await place.until(scheduler, job_id, JobState.RUNNING)).id == job_id
