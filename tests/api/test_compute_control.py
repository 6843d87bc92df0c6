"""Cancelling, holding, releasing, requeueing and changing jobs: the caller's own, and nobody else's."""

import asyncio
import json
from datetime import timedelta

import pytest

from superfacility.facility.errors import Unavailable
from superfacility.facility.jobs import JobChange, JobState
from superfacility.facility.people import User, UserName

JOBS = "/compute/jobs/perlmutter"
VERBS = ["hold", "release", "requeue"]


async def result_of(site, response, token="red:demo1"):
    body = response.json()
    assert body["status"] == "OK", body
    async with site.working():
        task = await site.result(body["task_id"], token)
    assert task["status"] == "completed", task
    return json.loads(task["result"])


@pytest.mark.parametrize("verb", VERBS)
async def test_a_verb_is_done_by_a_task(site, verb):
    site.scheduler.add("7", state=JobState.PENDING)
    result = await result_of(site, await site.call("POST", f"{JOBS}/7/{verb}", "red:demo1"))
    assert result == {"status": "ok", "jobid": "7", "error": None}
    assert site.scheduler.done == [(verb, "7")]


@pytest.mark.parametrize(
    ("sent", "change"),
    [
        ({"data": {"time_limit": "30"}}, JobChange(timedelta(minutes=30))),
        ({"data": {"time_limit": "1-02:03:04"}}, JobChange(timedelta(days=1, hours=2, minutes=3, seconds=4))),
        ({"json": {"time_limit": 90, "qos": "debug"}}, JobChange(timedelta(minutes=90), "debug")),
        ({"json": {"time_limit": "00:00:30"}}, JobChange(timedelta(seconds=30))),
        ({"data": {"qos": "debug"}}, JobChange(qos="debug")),
    ],
)
async def test_a_job_is_changed(site, sent, change):
    site.scheduler.add("7", state=JobState.PENDING)
    result = await result_of(site, await site.call("PATCH", f"{JOBS}/7", "red:demo1", **sent))
    assert result == {"status": "ok", "jobid": "7", "error": None}
    assert site.scheduler.done == [(change, "7")]


@pytest.mark.parametrize(
    "sent",
    [
        {"json": {}},
        {"data": {"time_limit": ""}},
        {"data": {"time_limit": "soon"}},
        {"data": {"time_limit": "0"}},
        {"data": {"time_limit": "-5"}},
        {"data": {"time_limit": "99999999"}},
        {"json": {"time_limit": 1.5}},
        {"json": {"time_limit": True}},
        {"json": {"qos": "a b"}},
        {"json": {"qos": "--x"}},
        {"json": {"qos": "x;reboot"}},
        {"json": {"qos": "x\ny"}},
        {"json": {"qos": "ä"}},
        {"json": {"qos": "q" * 65}},
        {"json": {"qos": ["debug"]}},
        {"json": {"qos": "debug", "priority": 1}},
        {"data": {"qos": "debug", "user": "demo2"}},
        {"json": []},
        {"content": b"{", "headers": {"content-type": "application/json"}},
    ],
)
async def test_what_is_no_change_is_wrong_input(site, sent):
    site.scheduler.add("7", state=JobState.PENDING)
    response = await site.call("PATCH", f"{JOBS}/7", "red:demo1", **sent)
    assert response.status_code == 422, response.text
    assert not site.memory.tasks


async def test_many_are_cancelled_by_one_task_that_tells_of_each(site):
    for number in range(3):
        site.scheduler.add(str(number + 1))
    body = {"jobids": ["1", "2", "2", "99"]}
    result = await result_of(site, await site.call("POST", f"{JOBS}/cancel", "red:demo1", json=body))
    assert result["jobs"] == {
        "1": {"status": "ok", "error": None},
        "2": {"status": "ok", "error": None},
        "99": {"status": "error", "error": "scancel: error: Invalid job id 99\n"},
    }
    assert (result["status"], result["error"]) == ("error", "1 of 3 jobs could not be cancelled; `jobs` says why.")
    states = {job.id: job.state for job in site.scheduler.jobs.values()}
    assert states == {"1": JobState.CANCELLED, "2": JobState.CANCELLED, "3": JobState.RUNNING}


@pytest.mark.parametrize(("token", "ends"), [("red:staff1", True), ("red:staff1:login:gateway000001", False)])
async def test_staff_end_others_jobs_but_not_through_an_application(site, token, ends):
    await site.people.save_user(User(1003, UserName("staff1"), staff=True), site.audit())
    site.scheduler.add("1", "demo1")
    answer = await site.call("POST", f"{JOBS}/cancel", token, json={"jobids": ["1"]})
    result = await result_of(site, answer, token)
    assert (result["status"] == "ok") is ends, result
    assert (site.scheduler.jobs["1"].state is JobState.CANCELLED) is ends


async def test_a_bulk_cancellation_goes_on_where_it_was(site, monkeypatch):
    """What was settled before the scheduler went away is not asked for again."""
    asked = []
    for number in range(20):
        site.scheduler.add(str(number))
    cancel = site.scheduler.cancel
    away = [True]

    async def sometimes(user, job_id):
        asked.append(job_id)
        if len(asked) > 5 and away:
            away.clear()
            raise Unavailable("not now")
        await cancel(user, job_id)

    monkeypatch.setattr(site.scheduler, "cancel", sometimes)
    form = {"jobids": [str(number) for number in range(20)]}
    task_id = (await site.call("POST", f"{JOBS}/cancel", "red:demo1", data=form)).json()["task_id"]
    async with site.working():
        async with asyncio.timeout(20):
            while (task := (await site.get(f"/tasks/{task_id}", "red:demo1")).json())["status"] == "new":
                site.clock.advance(timedelta(seconds=1))
                await asyncio.sleep(0.01)
    assert task["status"] == "completed", task
    result = json.loads(task["result"])
    assert (result["status"], len(result["jobs"])) == ("ok", 20)
    assert "waiting" not in result
    assert len(asked) == 21
    assert all(job.state is JobState.CANCELLED for job in site.scheduler.jobs.values())


@pytest.mark.parametrize("ids", [[], [""], ["-1"], ["1; reboot"], ["1\n2"], ["$(id)"], ["1"] * 1001])
async def test_what_names_no_jobs_is_wrong_input(site, ids):
    response = await site.call("POST", f"{JOBS}/cancel", "red:demo1", json={"jobids": ids})
    assert response.status_code == 422, response.text
    assert not site.memory.tasks


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("job_id", ["-1", "1%3Breboot", "%24(id)", "1%0A2", "1_", "--help"])
async def test_what_is_no_job_id_is_wrong_input(site, verb, job_id):
    assert (await site.call("POST", f"{JOBS}/{job_id}/{verb}", "red:demo1")).status_code == 422
    assert not site.memory.tasks


def requests_for(job_id):
    """Every way to change a job."""
    return [
        *(("POST", f"{JOBS}/{job_id}/{verb}", {}) for verb in VERBS),
        ("PATCH", f"{JOBS}/{job_id}", {"json": {"time_limit": 5}}),
        ("POST", f"{JOBS}/cancel", {"json": {"jobids": ["8", job_id]}}),
        ("DELETE", f"{JOBS}/{job_id}", {}),
    ]


async def test_of_many_each_is_its_owners_to_cancel(site):
    site.scheduler.add("7", "demo2")
    site.scheduler.add("8")
    await site.get(JOBS, "red:demo1")
    result = await result_of(site, await site.call("POST", f"{JOBS}/cancel", "red:demo1", json={"jobids": ["8", "7"]}))
    assert {job_id: each["status"] for job_id, each in result["jobs"].items()} == {"8": "ok", "7": "error"}
    assert site.scheduler.jobs["7"].state is JobState.RUNNING


@pytest.mark.parametrize("number", [0, 1, 2, 3, 5])
async def test_others_jobs_are_refused_at_once_where_they_are_known(site, number):
    site.scheduler.add("7", "demo2")
    site.scheduler.add("8")
    await site.get(JOBS, "red:demo1")
    method, path, sent = requests_for("7")[number]
    response = await site.call(method, path, "red:demo1", **sent)
    assert response.status_code == 200
    body = response.json()
    assert (body["status"], body["task_id"]) == ("ERROR", "")
    assert "Access/permission denied" in body["error"]
    assert not site.memory.tasks


async def test_what_staff_may_do_to_others_jobs_the_scheduler_decides(site):
    site.scheduler.add("7", "demo2")
    await site.get(JOBS, "red:staff1")
    assert (await result_of(site, await site.call("DELETE", f"{JOBS}/7", "red:staff1"), "red:staff1"))["status"] == "ok"
    assert site.scheduler.jobs["7"].state is JobState.CANCELLED


@pytest.mark.parametrize("number", range(6))
async def test_others_jobs_are_refused_by_the_task_where_they_are_not(site, number):
    site.scheduler.add("7", "demo2")
    site.scheduler.add("8")
    method, path, sent = requests_for("7")[number]
    result = await result_of(site, await site.call(method, path, "red:demo1", **sent))
    assert result["status"] == "error"
    assert "7 is not yours" in json.dumps(result)
    assert site.scheduler.done == []
    assert site.scheduler.jobs["7"].state is JobState.RUNNING


@pytest.mark.parametrize("number", range(6))
@pytest.mark.parametrize("level", ["green", "yellow", "orange"])
async def test_control_needs_a_red_client(site, number, level):
    site.scheduler.add("7")
    method, path, sent = requests_for("7")[number]
    assert (await site.call(method, path, f"{level}:demo1", **sent)).status_code == 403


async def test_a_system_without_a_scheduler_says_so(site):
    body = (await site.call("POST", "/compute/jobs/dtns/7/hold", "red:demo1")).json()
    assert body["status"] == "ERROR"
    assert (await site.call("POST", "/compute/jobs/nowhere/7/hold", "red:demo1")).status_code == 404
