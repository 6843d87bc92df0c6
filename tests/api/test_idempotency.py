"""`Idempotency-Key`: a request that is sent again does nothing again, on every route that makes a task."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.adapters.local import open_transfer_agent
from superfacility.adapters.sql import SqlTaskQueue, migrate, open_database
from superfacility.facility.jobs import JobState
from superfacility.facility.transfers import Endpoint
from superfacility.services.compute.control import JobControl
from superfacility.services.compute.requests import ComputeService
from superfacility.services.files import StorageService
from superfacility.settings import Settings
from superfacility.testing.stores import MemoryLease

DAY = timedelta(days=1)
TRANSFER = {"source_uuid": "dtn", "target_uuid": "dtn", "source_dir": "/home/demo1/a", "target_dir": "/home/demo1/b"}
MACHINE = {"machine": "perlmutter", "jobid": "7", "name": "old", "id": "1"}
REQUESTS = {
    "/compute/jobs/{machine}": ({"job": "#!/bin/sh\n", "isPath": False}, {"job": "#!/bin/bash\n", "isPath": False}),
    "/compute/jobs/{machine}/cancel": ({"jobids": ["7"]}, {"jobids": ["7", "8"]}),
    "/compute/jobs/{machine}/{jobid}/hold": (None, None),
    "/compute/jobs/{machine}/{jobid}/release": (None, None),
    "/compute/jobs/{machine}/{jobid}/requeue": (None, None),
    "/reservations/{machine}": "a reservation, see below",
    "/reservations/{machine}/{name}": ({"cores": 3}, {"cores": 4}),
    "/storage/globus/transfer": (TRANSFER, TRANSFER | {"label": "again"}),
    "/utilities/command/{machine}": ({"executable": "true"}, {"executable": "false"}),
}
"""What is sent, and something else, to every route that makes a task by POST."""
MAKE_NO_TASK = ("/account", "/callbacks")
"""Groups whose POSTs answer when the change is made: attacks/test_sent_twice has them."""


def bodies(site, path):
    if path != "/reservations/{machine}":
        return REQUESTS[path]
    start = site.clock.now() + timedelta(hours=1)
    body = {"name": "new", "start": start.isoformat(), "end": (start + timedelta(hours=1)).isoformat(), "cores": 1}
    return body, body | {"cores": 2}


@pytest.fixture
async def busy(site):
    """There is a job, a reservation and a file to do something with."""
    site.scheduler.add("7", state=JobState.PENDING)
    site.transport.add_file("/home/demo1/a", b"data")
    facility = replace(
        site.services.storage.facility,
        endpoints={"dtn": Endpoint("dtn", site.transport)},
        transfer_agent=open_transfer_agent({}),
    )
    storage = StorageService(facility, site.queue, site.clock)
    site.app.state.services = replace(site.services, storage=storage)
    body, _ = bodies(site, "/reservations/{machine}")
    made = await site.call("POST", "/reservations/perlmutter", "red:demo1", json=body | {"name": "old"})
    async with site.working():
        await site.result(made.json()["task_id"])
    site.memory.tasks.clear()
    site.memory.audit.clear()
    return site


async def send(site, path, body, key="run-1", token="red:demo1"):
    sent = {} if body is None else {"json": body}
    return await site.call("POST", path.format(**MACHINE), token, headers={"Idempotency-Key": key}, **sent)


async def test_every_post_takes_a_key(site):
    paths = (await site.get("/openapi.json")).json()["paths"]
    posts = {path: operations["post"] for path, operations in paths.items() if "post" in operations}
    for path, operation in posts.items():
        names = {each["name"] for each in operation.get("parameters", ())}
        assert "Idempotency-Key" in names, f"POST {path} takes no Idempotency-Key"
    assert {path for path in posts if not path.startswith(MAKE_NO_TASK)} == set(REQUESTS)


@pytest.mark.parametrize("path", REQUESTS)
async def test_a_hundred_at_once_are_one(busy, path):
    body, _ = bodies(busy, path)
    answers = await asyncio.gather(*(send(busy, path, body) for _ in range(100)))
    assert {each.status_code for each in answers} == {200}
    assert len({each.content for each in answers}) == 1, answers[0].text
    assert answers[0].json()["status"] == "OK", answers[0].text
    assert len(busy.memory.tasks) == 1
    assert len(busy.memory.audit) == 1


@pytest.mark.parametrize("path", [path for path in REQUESTS if REQUESTS[path] != (None, None)])
async def test_another_body_under_the_same_key_is_wrong_input(busy, path):
    body, other = bodies(busy, path)
    first = await send(busy, path, body)
    refused = await send(busy, path, other)
    assert refused.status_code == 422
    assert "key" in refused.json()["detail"]
    assert len(busy.memory.tasks) == 1
    assert (await send(busy, path, body)).content == first.content


@pytest.mark.parametrize("path", REQUESTS)
async def test_without_a_key_or_with_another_it_is_done_again(busy, path):
    body, _ = bodies(busy, path)
    await send(busy, path, body, "run-1")
    await send(busy, path, body, "run-2")
    await busy.call("POST", path.format(**MACHINE), "red:demo1", **({} if body is None else {"json": body}))
    assert len(busy.memory.tasks) == 3


async def test_keys_are_each_client_s_own_and_each_path_s(busy):
    busy.scheduler.add("9", "demo2", JobState.PENDING)
    await send(busy, "/compute/jobs/perlmutter/7/hold", None)
    await send(busy, "/compute/jobs/perlmutter/7/release", None)
    await send(busy, "/compute/jobs/perlmutter", bodies(busy, "/compute/jobs/{machine}")[0])
    mine = set(busy.memory.tasks)
    await send(busy, "/compute/jobs/perlmutter", bodies(busy, "/compute/jobs/{machine}")[0], token="red:demo2")
    assert len(mine) == 3
    (theirs,) = set(busy.memory.tasks) - mine
    assert busy.memory.tasks[theirs].task.owner == "demo2"


async def test_a_form_and_json_of_the_same_content_are_the_same_request(busy):
    first = await send(busy, "/utilities/command/perlmutter", {"executable": "true"})
    again = await busy.call(
        "POST",
        "/utilities/command/perlmutter",
        "red:demo1",
        data={"executable": "true"},
        headers={"Idempotency-Key": "run-1"},
    )
    assert again.json() == first.json()


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_a_key_has_a_length(busy, key):
    assert (await send(busy, "/utilities/command/perlmutter", {"executable": "true"}, key)).status_code == 422


@pytest.mark.parametrize("key", ["'; drop table tasks; --", "a b", "%00", "../..", "{}"])
async def test_a_key_is_only_a_name(busy, key):
    first = await send(busy, "/utilities/command/perlmutter", {"executable": "true"}, key)
    again = await send(busy, "/utilities/command/perlmutter", {"executable": "true"}, key)
    assert first.json()["status"] == "OK"
    assert first.content == again.content


async def test_keys_survive_a_restart_and_live_as_long_as_their_tasks(busy, tmp_path):
    """A task that has ended is kept for a day at least, and its key with it."""
    path = tmp_path / "test.db"
    migrate(path)
    answers = []
    body, _ = bodies(busy, "/compute/jobs/{machine}")
    for _ in range(2):
        database = open_database(path)
        queue = SqlTaskQueue(database, MemoryLease(), busy.clock)
        old = busy.services.compute
        services = replace(
            busy.services,
            compute=ComputeService(old.facility, queue, busy.clock, old.collectors, old.people),
            control=JobControl(old.facility, queue, busy.clock, old.collectors, old.people),
        )
        busy.app.state.services = services
        answers += await asyncio.gather(*(send(busy, "/compute/jobs/perlmutter", body) for _ in range(10)))
        await queue.purge(busy.clock.now() - DAY)
        await database.aclose()
    assert len({each.content for each in answers}) == 1
    assert answers[0].json()["status"] == "OK"
    metadata = Settings.model_fields["limits"].annotation.model_fields["task_retention_days"].metadata
    assert any(getattr(each, "ge", 0) >= 1 for each in metadata)


async def test_a_key_is_kept_for_a_day_after_its_task_has_ended(busy):
    first = await send(busy, "/compute/jobs/perlmutter", bodies(busy, "/compute/jobs/{machine}")[0])
    async with busy.working():
        await busy.result(first.json()["task_id"])
    busy.clock.advance(DAY - timedelta(minutes=1))
    await busy.queue.purge(busy.clock.now() - DAY)
    again = await send(busy, "/compute/jobs/perlmutter", bodies(busy, "/compute/jobs/{machine}")[0])
    assert again.content == first.content
    busy.clock.advance(timedelta(minutes=2))
    await busy.queue.purge(busy.clock.now() - DAY)
    assert not busy.memory.idempotency
