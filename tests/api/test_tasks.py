"""`/tasks`: one's own, and the level that a cancellation needs."""

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
