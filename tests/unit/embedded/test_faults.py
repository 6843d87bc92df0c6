"""What callers are told when the scheduler cannot be asked, and the switches of its double."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from superfacility.adapters.embedded import connection
from superfacility.facility.errors import Doubtful, Refused, Unavailable
from superfacility.facility.jobs import JobId, JobQuery, JobScript
from superfacility.testing.contracts.scheduler import DEMO1, LONG, just_now, new_intent
from superfacility.testing.schedulers import FakeScheduler


async def test_without_its_state_folder_it_is_unavailable(place: Any) -> None:
    scheduler = place.open()
    shutil.rmtree(place.state)
    with pytest.raises(Unavailable):
        await scheduler.ping()
    with pytest.raises(Unavailable):
        await scheduler.queue()


async def test_a_daemon_that_cannot_start_is_unavailable(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(state: Path) -> None:
        raise OSError("no processes left")

    monkeypatch.setattr(connection, "start_daemon", refuse)
    with pytest.raises(Unavailable, match="no processes left"):
        await place.open().submit(DEMO1, LONG, new_intent())


async def test_a_requeue_that_was_heard_is_not_asked_again(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job may have run on since: a second requeue would throw that away."""
    asked: list[str] = []

    async def break_off(self: connection.Connection, question: dict[str, Any]) -> None:
        asked.append(question["do"])
        if question["do"] != "hello":
            raise connection._Lost

    scheduler = place.open()
    await scheduler.ping()
    monkeypatch.setattr(connection.Connection, "_converse", break_off)
    with pytest.raises(Doubtful):
        await scheduler.requeue(DEMO1, JobId("7"))
    assert asked.count("requeue") == 1
    with pytest.raises(Doubtful):
        await scheduler.release(DEMO1, JobId("7"))
    assert asked.count("update") > 1


async def test_a_script_that_is_gone_does_not_hide_its_job(place: Any) -> None:
    scheduler = place.open()
    place.transport.add_file("/home/demo1/job.sh", b"#!/bin/sh\nexit 0\n")
    intent = new_intent()
    job_id = await scheduler.submit(DEMO1, JobScript(path="/home/demo1/job.sh"), intent)
    del place.transport.nodes["/home/demo1/job.sh"]
    assert await scheduler.submit(DEMO1, JobScript(path="/home/demo1/job.sh"), intent) == job_id


async def test_the_double_fails_when_told() -> None:
    fake = FakeScheduler()
    fake.inject("submit", Unavailable("not now"), times=2)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await fake.submit(DEMO1, LONG, new_intent())
    assert (await fake.queue()).jobs == ()
    await fake.submit(DEMO1, LONG, new_intent())
    assert fake.calls["submit"] == 3


async def test_the_double_can_act_and_then_be_in_doubt() -> None:
    fake = FakeScheduler()
    intent = new_intent()
    fake.inject("submit", Doubtful("who knows"), after=True)
    with pytest.raises(Doubtful):
        await fake.submit(DEMO1, LONG, intent)
    assert await fake.find(DEMO1, intent, just_now()) == "1"
    assert await fake.submit(DEMO1, LONG, intent) == "1"


async def test_the_double_refuses_and_heals() -> None:
    fake = FakeScheduler(missing_paths={"/none"})
    with pytest.raises(Refused, match="Unable to open file /none"):
        await fake.submit(DEMO1, JobScript(path="/none"), new_intent())
    fake.inject("accounting", Unavailable("away"), times=100)
    with pytest.raises(Unavailable):
        await fake.accounting(JobQuery())
    fake.heal()
    assert await fake.accounting(JobQuery()) == []
