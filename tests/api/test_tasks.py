"""`/tasks`: one's own, and the level that a cancellation needs."""

import asyncio

import pytest

SCRIPT = {"job": "#!/bin/bash\nhostname\n", "isPath": "false"}


async def submit(site, user="demo1"):
    answer = await site.call("POST", "/compute/jobs/perlmutter", f"red:{user}", data=SCRIPT)
    return answer.json()["task_id"]


async def test_own_tasks_newest_first(site):
    mine = [await submit(site), await submit(site)]
    other = await submit(site, "demo2")
    listed = (await site.get("/tasks/", "green:demo1")).json()["tasks"]
    assert [each["id"] for each in listed] == mine[::-1]
    assert all(set(each) == {"id", "status", "result"} for each in listed)
    assert (await site.get(f"/tasks/{other}", "green:demo1")).status_code == 404


async def test_a_new_task(site):
    task_id = await submit(site)
    for path in (f"/tasks/{task_id}", f"/tasks/{task_id}/"):
        assert (await site.get(path, "green:demo1")).json() == {"id": task_id, "status": "new", "result": None}


@pytest.mark.parametrize("task_id", ["0", "999999", "x", "1e3", "-1", "٣", "9" * 40])
async def test_unknown_tasks(site, task_id):
    for method in ("GET", "DELETE"):
        answer = await site.call(method, f"/tasks/{task_id}", "red:demo1")
        assert answer.status_code == 404
        assert isinstance(answer.json()["detail"], str)


async def test_cancelling_needs_the_level_that_created(site):
    task_id = await submit(site)
    refused = await site.call("DELETE", f"/tasks/{task_id}", "orange:demo1")
    assert refused.status_code == 403
    assert "red" in refused.json()["detail"]
    assert (await site.get(f"/tasks/{task_id}", "green:demo1")).json()["status"] == "new"
    assert (await site.call("DELETE", f"/tasks/{task_id}", "red:demo2")).status_code == 404
    cancelled = await site.call("DELETE", f"/tasks/{task_id}", "red:demo1")
    assert cancelled.json()["status"] == "cancelled"
    async with site.working():
        assert site.scheduler.jobs == {}


async def test_who_waits_hears_of_the_end_as_it_comes(site):
    task_id = await submit(site)
    waiting = asyncio.create_task(site.get(f"/tasks/{task_id}?wait=30", "green:demo1"))
    await asyncio.sleep(0)
    assert not waiting.done()
    async with site.working():
        answer = await waiting
    assert answer.json()["status"] == "completed"
    assert "retry-after" not in answer.headers


async def test_waiting_has_an_end_and_says_when_to_ask_again(site):
    task_id = await submit(site)
    for path in (f"/tasks/{task_id}?wait=0.05", f"/tasks/{task_id}"):
        answer = await site.get(path, "green:demo1")
        assert (answer.json()["status"], answer.headers["retry-after"]) == ("new", "1")
    for wrong in ("31", "-1", "x", "nan"):
        assert (await site.get(f"/tasks/{task_id}?wait={wrong}", "green:demo1")).status_code == 422
    assert (await site.get(f"/tasks/{task_id}?wait=30", "green:demo2")).status_code == 404


async def test_a_server_that_ends_keeps_nobody(site):
    task_id = await submit(site)
    waiting = asyncio.create_task(site.get(f"/tasks/{task_id}?wait=30", "green:demo1"))
    await asyncio.sleep(0)
    stop = asyncio.Event()
    stop.set()
    await site.services.tasks.waits.run(stop)
    assert (await asyncio.wait_for(waiting, 10)).json()["status"] == "new"


async def test_where_many_wait_the_next_one_is_answered_at_once(site):
    task_id = await submit(site)
    places = site.services.tasks.waits.places
    taken = [places.taken("demo1") for _ in range(100)]
    for each in taken:
        each.__enter__()
    answer = await asyncio.wait_for(site.get(f"/tasks/{task_id}?wait=30", "green:demo1"), 10)
    assert answer.json()["status"] == "new"
    for each in taken:
        each.__exit__(None, None, None)
