"""Callbacks of a real server to a real receiver, the server being killed in the middle (goal R7)."""

import asyncio
import json
import sqlite3
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from superfacility.cli.configuration import render
from superfacility.services.events.signatures import sign
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.webhooks import Received, WebhookReceiver, reply

ALLOW = {"allow": ["127.0.0.1/32"], "ports": [], "http": True}
DEADLINE = 250.0


async def session(facility: Any, key_file: Path) -> httpx.AsyncClient:
    """A program of the first user's, signed in."""
    key = json.loads(await asyncio.to_thread(key_file.read_text))
    headers = {"Authorization": f"Bearer {await asyncio.to_thread(facility.token, key)}"}
    return httpx.AsyncClient(base_url=facility.base_url + "/", headers=headers, timeout=30)


def script(*lines: str, array: str = "") -> str:
    directives = ["#!/bin/sh", "#SBATCH -o /dev/null", "#SBATCH -t 5", *([f"#SBATCH --array={array}"] if array else [])]
    return "\n".join([*directives, *lines, ""])


async def submit(http: httpx.AsyncClient, job: str, **callback: str) -> str:
    answer = await http.post("compute/jobs/perlmutter", data={"job": job, "isPath": "false", **callback})
    assert answer.json()["status"] == "OK", answer.text
    return str(answer.json()["task_id"])


@pytest.fixture(params=["new_facility", "new_slurm_facility"])
def facility(request: pytest.FixtureRequest) -> Any:
    return _prepared(request.getfixturevalue(request.param))


def _prepared(new_facility: Callable[[], Any]) -> Any:
    facility = new_facility()
    file = Path(facility.config)
    file.write_text(render(tomllib.loads(file.read_text()) | {"callbacks": ALLOW}))
    return facility


@pytest.mark.timeout(300)
async def test_the_ends_of_jobs_are_told_through_failures_and_a_kill(facility: Any) -> None:
    """The first answer to each message is a failure, the server dies before the second."""
    seen: set[str] = set()

    def answer(request: Received) -> bytes:
        first = request.headers["webhook-id"] not in seen
        seen.add(request.headers["webhook-id"])
        return reply(500 if first else 204)

    receiver = WebhookReceiver(answer=answer)
    async with receiver.serving(), asyncio.timeout(DEADLINE):
        await asyncio.to_thread(facility.start)
        key = await asyncio.to_thread(facility.key)
        async with await session(facility, key) as http:
            tasks = {
                "FAILED": await submit(http, script("exit 3"), callbackUrl=receiver.url("/failed")),
                "COMPLETED": await submit(http, script("true", array="1-3"), callbackUrl=receiver.url("/array")),
                "refused": await submit(http, "no script\n", callbackUrl=receiver.url("/refused")),
                "timeout": await submit(
                    http, script("sleep 120"), callbackUrl=receiver.url("/timeout"), callbackTimeout="30"
                ),
            }
            secret = (await http.get("callbacks/secret")).json()["secret"]
            await receiver.until(4)
            await asyncio.to_thread(facility.kill)
        await asyncio.to_thread(facility.start)
        async with await session(facility, key) as http:
            while len((await http.get("callbacks?state=delivered")).json()["callbacks"]) < 4:  # noqa: ASYNC110
                await asyncio.sleep(0.2)
            (late,) = [each["data"]["jobid"] for each in sent(receiver) if each["type"] == "job.timeout"][:1]
            await http.delete(f"compute/jobs/perlmutter/{late}")
            while not any(ended_by_us(each) for each in receiver.received):  # noqa: ASYNC110
                await asyncio.sleep(0.2)
        await asyncio.to_thread(facility.stop)
    check_messages(receiver.received, tasks, secret)
    check_silence(facility, secret)


def ended_by_us(request: Received) -> bool:
    message = json.loads(request.body)
    return (message["type"], message["data"].get("state")) == ("job.ended", "CANCELLED")


def sent(receiver: WebhookReceiver) -> list[dict[str, Any]]:
    return [json.loads(request.body) for request in receiver.received]


def check_messages(received: list[Received], tasks: dict[str, str], secret: str) -> None:
    received = [each for each in received if not ended_by_us(each)]
    messages = {request.path: json.loads(request.body) for request in received}
    told = {path: (message["type"], message["data"]["state"]) for path, message in messages.items()}
    assert told == {
        "/failed": ("job.ended", "FAILED"),
        "/array": ("job.ended", "COMPLETED"),
        "/refused": ("job.refused", None),
        "/timeout": ("job.timeout", "RUNNING"),
    }
    assert {message["data"]["task_id"] for message in messages.values()} == set(tasks.values())
    assert messages["/failed"]["data"]["exit_code"] == 3
    assert messages["/array"]["data"]["elements"] == {"COMPLETED": 3}
    for request in received:
        identifier, stamp = request.headers["webhook-id"], request.headers["webhook-timestamp"]
        assert request.headers["webhook-signature"] == sign(identifier, stamp, request.body, secret)
    assert len({request.headers["webhook-id"] for request in received}) == 4


def check_silence(facility: Any, secret: str) -> None:
    """The secret is in neither the log nor the database."""
    canary = secret.removeprefix("whsec_")
    assert canary not in facility.log.read_text()
    with sqlite3.connect(Path(facility.directory) / "superfacility.db") as database:
        assert canary not in "".join(database.iterdump())
    database.close()


@pytest.mark.timeout(300)
async def test_the_end_of_an_array_is_told_whole_although_the_accounting_lags(
    new_slurm_facility: Callable[[], Any], cluster: SlurmCluster
) -> None:
    """Accounting learns of one element before the array ends, and of the others after it was told."""
    facility, receiver = _prepared(new_slurm_facility), WebhookReceiver(answer=lambda _: reply(204))
    async with receiver.serving(), asyncio.timeout(DEADLINE):
        await asyncio.to_thread(facility.start)
        async with await session(facility, await asyncio.to_thread(facility.key)) as http:
            job = script("test $SLURM_ARRAY_TASK_ID = 0 || sleep 20", "exit 3", array="0-3")
            task = await submit(http, job, callbackUrl=receiver.url("/array"))
            while (array := (await http.get(f"tasks/{task}")).json()["result"]) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            first = f"--jobs={json.loads(array)['jobid']}_0"
            while "FAILED" not in (await asyncio.to_thread(cluster.root, "sacct", "-Xn", first)).stdout:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            with cluster.lagging_accounting():
                await receiver.until(1)
        await asyncio.to_thread(facility.stop)
    (message,) = sent(receiver)
    assert (message["type"], message["data"]["state"], message["data"]["exit_code"]) == ("job.ended", "FAILED", 3)
    assert message["data"]["elements"] == {"FAILED": 4}


async def test_addresses_that_cannot_be_are_refused_when_a_job_is_submitted(served: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        async with await session(served, await asyncio.to_thread(served.key)) as http:
            before = (await http.get("tasks")).json()
            for field, value in (
                ("callbackUrl", "https://169.254.169.254/latest/meta-data/"),
                ("callbackUrl", "https://[::1]:8443/"),
                ("callbackUrl", "https://10.0.0.1/"),
                ("callbackUrl", "http://example.org/"),
                ("callbackUrl", "file:///etc/passwd"),
                ("callbackEmail", "a@example.org\nBcc: b@example.org"),
                ("callbackTimeout", "-1"),
            ):
                form = {"job": script("true"), "isPath": "false", field: value}
                answer = await http.post("compute/jobs/perlmutter", data=form)
                assert answer.status_code == 422, (field, value, answer.text)
                assert field in answer.text
            assert (await http.get("tasks")).json() == before
