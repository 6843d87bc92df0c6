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
    median = [statistics.median(column) for column in zip(*rounds, strict=True)]
    table(
        "P8 feedback loop (seconds, median; sfapi_client polls once a second)",
        ["", "upload done to picture", "job's run time", "everything else", "accepted to handed over"],
        [["8 MB raw, 1 s job", *(f"{value:.2f}" for value in median)]],
    )


def _round(client: Client, served: Served) -> tuple[float, float, float, float]:
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
