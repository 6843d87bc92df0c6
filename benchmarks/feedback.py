"""P8: from the last byte uploaded to the picture in the person's hands, and what of it is the gateway's own share."""

import json
import statistics
import time
from io import BytesIO
from pathlib import Path

from sfapi_client import Client
from sfapi_client.compute import Machine
from sfapi_client.jobs import JobState

from benchmarks.measure import table
from benchmarks.servers import Served

ROUNDS = 5
JOB = "#!/bin/sh\ndate +%s.%N > started\nsleep 1\ncp raw.bin picture.bin\ndate +%s.%N > ended\n"


def run(served: Served, folder: Path) -> None:
    pem = folder / "feedback.json"
    pem.write_text(json.dumps(served.key))
    pem.chmod(0o600)
    with Client(key=pem, api_base_url=served.base_url, token_url=served.token_url, wait_interval=1) as client:
        rounds = [_round(client, served) for _ in range(ROUNDS)]
    eager_rounds = [_eager_round(served) for _ in range(ROUNDS)]
    table(
        "P8 feedback loop, 8 MB raw and a job of 1 s (seconds, median; goal: everything else under 2 s)",
        ["caller", "upload done to picture", "job's run time", "everything else", "submitted to started"],
        [
            ["sfapi_client, polls each second", *_medians(rounds)],
            ["by hand, polls 50 times a second", *_medians(eager_rounds)],
        ],
    )


def _medians(rounds: list[tuple[float, ...]]) -> list[str]:
    return [f"{statistics.median(column):.2f}" for column in zip(*rounds, strict=True)]


def _round(client: Client, served: Served) -> tuple[float, ...]:
    machine = client.compute(Machine.perlmutter)
    home = served.directory / "home" / "demo1"
    (folder,) = machine.ls(str(home), directory=True)
    (folder / "raw.bin").upload(BytesIO(bytes(8_000_000)))
    started = time.time()
    job = machine.submit_job(JOB)
    state = job.complete()
    assert state == JobState.COMPLETED, state
    (picture,) = machine.ls(str(home / "picture.bin"))
    assert len(picture.download(binary=True).read()) == 8_000_000
    total = time.time() - started
    begun, ended = (float((home / name).read_text()) for name in ("started", "ended"))
    return total, ended - begun, total - (ended - begun), begun - started


def _eager_round(served: Served) -> tuple[float, ...]:
    """The same without a client that sleeps: what is left is the gateway's own share."""
    token = served.token()
    home = served.directory / "home" / "demo1"
    started = time.time()
    accepted = served.call("/compute/jobs/perlmutter", {"job": JOB, "isPath": "false"}, token=token)
    job = served.wait_for_task(accepted["task_id"], token)["jobid"]
    while served.call(f"/compute/jobs/perlmutter/{job}?sacct=true&cached=false", token=token)["output"][0]["state"] in {
        "PENDING",
        "RUNNING",
        "COMPLETING",
    }:
        time.sleep(0.02)
    picture = served.call(f"/utilities/download/perlmutter/{home}/picture.bin?binary=true", token=token)
    assert picture["status"] == "OK", picture["error"]
    total = time.time() - started
    begun, ended = (float((home / name).read_text()) for name in ("started", "ended"))
    return total, ended - begun, total - (ended - begun), begun - started
