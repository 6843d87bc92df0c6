"""Callbacks of a process that is killed again and again, to a receiver that fails again and again."""

import asyncio
import json
import sys
from base64 import b64decode, b64encode
from hashlib import sha256
from hmac import digest
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from superfacility.adapters.sql import SqlCallbackStore, migrate, open_database
from superfacility.core.clock import SystemClock
from superfacility.facility.people import UserName
from superfacility.facility.secret_files import own_key
from superfacility.services.events.secrets import SigningSecrets
from superfacility.testing.webhooks import Received, WebhookReceiver, reply

LIFE = Path(__file__).with_name("life.py")


def write_story(directory: Path, jobs: int) -> None:
    """Every job runs, and then ends, in another order than they were submitted."""
    lines = [{"job": str(job), "state": "RUNNING"} for job in range(jobs)]
    lines += [{"job": str(job), "state": "COMPLETED"} for job in reversed(range(jobs))]
    (directory / "story.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    (directory / "jobs").write_text(str(jobs))


async def live(directory: Path, url: str, commit_point: int) -> tuple[int, str]:
    """How the process ended, and what it logged."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(LIFE),
        str(directory),
        url,
        str(commit_point),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


def stored(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.glob("test.db*")]


def job_of(request: Received) -> str:
    return parse_qs(urlsplit(request.path).query)["job"][0]


@pytest.mark.timeout(700)
async def test_every_end_is_told_whenever_the_process_dies(tmp_path: Path, soak: bool) -> None:
    jobs = 60 if soak else 6
    migrate(tmp_path / "test.db")
    write_story(tmp_path, jobs)
    received_by_job: dict[str, int] = {}

    def answer(request: Received) -> bytes:
        """Every third message is refused at first, every fourth is received and the answer lost."""
        job = job_of(request)
        received_by_job[job] = received_by_job.get(job, 0) + 1
        if received_by_job[job] == 1 and int(job) % 3 == 0:
            return reply(503)
        return b"" if received_by_job[job] == 1 and int(job) % 4 == 0 else reply(204)

    receiver, deaths, logged = WebhookReceiver(answer=answer), 0, ""
    async with receiver.serving():
        async with asyncio.timeout(600 if soak else 250):
            for life in range(1, 1000):
                code, output = await live(tmp_path, receiver.url(), commit_point=10 + life % 13)
                logged += output
                if code == 0:
                    break
                assert code == -9, output
                deaths += 1
    assert deaths >= 3
    ids: dict[str, set[str]] = {}
    for request in receiver.received:
        ids.setdefault(job_of(request), set()).add(request.headers["webhook-id"])
        message = json.loads(request.body)
        assert (message["type"], message["data"]["jobid"]) == ("job.ended", job_of(request))
    assert sorted(map(int, ids)) == list(range(jobs))
    assert {len(each) for each in ids.values()} == {1}, "one message has one id, however often it is sent"
    files = stored(tmp_path)
    await check_secret(tmp_path, files, receiver.received[0], logged)


async def check_secret(directory: Path, files: list[bytes], request: Received, logged: str) -> None:
    """It has signed from the first life to the last, and is in neither the database nor the log."""
    database = open_database(directory / "test.db")
    secrets = SigningSecrets(own_key(directory / "webhooks.key"), SqlCallbackStore(database), SystemClock())
    (secret,) = await secrets.of(UserName("alice"))
    await database.aclose()
    key = b64decode(secret.removeprefix("whsec_"))
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    assert request.headers["webhook-signature"] == "v1," + b64encode(digest(key, content, sha256)).decode()
    for canary in (secret.removeprefix("whsec_").encode(), key, key.hex().encode()):
        assert canary not in logged.encode()
        assert canary not in b"".join(files)
