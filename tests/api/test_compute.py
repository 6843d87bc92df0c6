"""`/compute`: listing, details, submitting, cancelling; what the scheduler knows and what we know before it."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from superfacility.app import create_app
from superfacility.facility.errors import Doubtful, Refused, Unavailable, Unsupported
from superfacility.facility.jobs import JobState
from superfacility.services.compute.listings import Visibility
from superfacility.tasks.quota import TaskQuota

JOBS = "/compute/jobs/perlmutter"
MULTIPART_ARGUMENTS = [("args", (None, "a")), ("args", (None, "b c"))]
SCRIPT = {"job": "#!/bin/bash\nhostname\n", "isPath": "false"}


async def submit(site, **changes):
    answer = await site.call("POST", JOBS, "red:demo1", data=SCRIPT | changes)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer):
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "OK", answer.text
    return [row["jobid"] for row in answer.json()["output"]]


async def test_queue_and_accounting(site):
    site.scheduler.add("1")
    site.scheduler.add("2", "demo2", qos="debug")
    site.scheduler.add("3", state=JobState.COMPLETED)
    site.scheduler.add("9_1")
    assert ids(await site.get(JOBS, "yellow:demo1")) == ["1", "2", "9_1"]
    assert ids(await site.get(JOBS + "/", "yellow:demo1", params={"sacct": "True"})) == ["1", "2", "3", "9_1"]
    assert ids(await site.get(f"{JOBS}/9", "yellow:demo1")) == ["9_1"]
    assert ids(await site.get(f"{JOBS}/9_1", "yellow:demo1")) == ["9_1"]
    assert ids(await site.get(f"{JOBS}/3", "yellow:demo1")) == []
    assert ids(await site.get(f"{JOBS}/3?sacct=true&cached=false", "yellow:demo1")) == ["3"]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (["user=demo2"], ["2"]),
        (["jobid=3,1,77"], ["1", "3"]),
        (["jobid=1,2", "user=demo1"], ["1"]),
        (["state=R,PD"], ["1", "2", "3"]),
        (["qos="], ["1", "2", "3"]),
    ],
)
async def test_filters(site, filters, expected):
    site.scheduler.add("1")
    site.scheduler.add("2", "demo2")
    site.scheduler.add("3")
    assert ids(await site.get(JOBS, "yellow:demo1", params={"kwargs": filters})) == expected


async def test_where_no_accounting_is_kept_all_that_is_remembered_is_the_usual_answer(site, monkeypatch):
    """A time that somebody asks for is kept to, or refused in words."""
    own = site.scheduler.accounting

    async def accounting(query):
        if query.since is not None:
            raise Unsupported("forgets ended jobs after 60 s; ask for a shorter time")
        return await own(query)

    monkeypatch.setattr(site.scheduler, "accounting", accounting)
    site.scheduler.add("3", state=JobState.COMPLETED)
    assert ids(await site.get(f"{JOBS}?sacct=true", "yellow:demo1")) == ["3"]
    answer = await site.get(f"{JOBS}?sacct=true&kwargs=starttime=now-1hour", "yellow:demo1")
    assert answer.json()["status"] == "ERROR"
    assert "ask for a shorter time" in answer.json()["error"]


@pytest.mark.parametrize("wrong", ["format=%all", "jobid=1;rm", "clusters=all", "starttime=yesterdayish", "--help"])
async def test_unknown_filters_are_errors_in_words(site, wrong):
    answer = await site.get(JOBS, "yellow:demo1", params={"kwargs": wrong})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["output"]) == ("ERROR", [])
    assert body["error"]


async def test_paging(site):
    for number in range(10):
        site.scheduler.add(str(number))
    assert ids(await site.get(JOBS, "yellow:demo1", params={"index": 3, "limit": 2})) == ["3", "4"]
    assert (await site.get(JOBS, "yellow:demo1", params={"index": -1})).status_code == 422


async def test_many_callers_are_one_reading(site):
    site.scheduler.add("1")
    await asyncio.gather(*(site.get(JOBS, "yellow:demo1") for _ in range(50)))
    assert site.scheduler.reads == 1
    await asyncio.gather(*(site.get(JOBS, "yellow:demo1", params={"cached": "false"}) for _ in range(50)))
    assert site.scheduler.most_readings == 1


async def test_a_silent_scheduler_changes_no_state(site):
    site.scheduler.fault = Unavailable("slurmctld does not answer")
    answer = await site.get(JOBS, "yellow:demo1")
    assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
    site.scheduler.fault = None
    site.scheduler.add("1")
    site.clock.advance(timedelta(seconds=5))
    first = await site.get(JOBS, "yellow:demo1")
    assert ids(first) == ["1"]
    assert "stale" not in first.json()
    site.scheduler.fault = Unavailable("slurmctld does not answer")
    site.clock.advance(timedelta(minutes=5))
    for query in ({"cached": "false"}, {}):
        answer = await site.get(JOBS, "yellow:demo1", params=query)
        assert ids(answer) == ["1"]
        assert answer.json()["stale"]
        assert answer.json()["data_as_of"] == answer.headers["x-data-as-of"] == first.json()["data_as_of"]


async def test_submission_ends_with_the_job_id(site):
    body = await submit(site)
    assert body == {"task_id": body["task_id"], "status": "OK", "error": None}
    async with site.working():
        task = await site.result(body["task_id"])
    assert set(task) == {"id", "status", "result"}
    assert task["status"] == "completed"
    assert task["result"] == '{"status":"ok","jobid":"1000","error":null}'


async def test_too_many_open_tasks_are_429_with_what_to_do_and_a_job_can_still_be_cancelled(site):
    site.queue._quota = TaskQuota(1)
    site.scheduler.add("1")
    form = {"job": "#!/bin/sh\n", "isPath": "false"}
    assert (await site.call("POST", "/compute/jobs/perlmutter", "red:demo1", data=form)).status_code == 200
    refused = await site.call("POST", "/compute/jobs/perlmutter", "red:demo1", data=form)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    assert "DELETE /tasks/ID" in refused.json()["detail"]
    assert (await site.call("POST", "/compute/jobs/perlmutter", "red:demo2", data=form)).status_code == 200
    assert (await site.call("DELETE", "/compute/jobs/perlmutter/1", "red:demo1")).status_code == 200


async def test_a_job_is_visible_the_moment_its_id_is_known(site):
    await site.get(JOBS, "yellow:demo1")  # the reading that does not have it
    async with site.working():
        await site.result((await submit(site))["task_id"])
    assert ids(await site.get(f"{JOBS}/1000", "yellow:demo1")) == ["1000"]
    assert ids(await site.get(f"{JOBS}/1000?sacct=true", "yellow:demo1")) == ["1000"]
    assert ids(await site.get(JOBS, "yellow:demo1")) == ["1000"]


async def test_a_job_that_its_scheduler_does_not_list_yet_is_shown_from_our_record(site):
    site.scheduler.lists_new = False
    async with site.working():
        await site.result((await submit(site))["task_id"])
    for query in ({}, {"sacct": "true"}, {"cached": "false"}):
        answer = await site.get(f"{JOBS}/1000", "yellow:demo1", params=query)
        assert [row["state"] for row in answer.json()["output"]] == ["PENDING"]
    assert ids(await site.get(JOBS, "yellow:demo2")) == []
    site.scheduler.add("1000", state=JobState.COMPLETED)
    site.clock.advance(timedelta(seconds=6))
    assert ids(await site.get(f"{JOBS}/1000", "yellow:demo1")) == []
    assert ids(await site.get(f"{JOBS}/1000?sacct=true", "yellow:demo1")) == ["1000"]


async def test_the_schedulers_words_come_back_unchanged(site):
    words = "sbatch: error: No architecture specified, cannot submit job\nsbatch: error: Batch job submission failed\n"
    site.scheduler.submit_fault = Refused(words)
    async with site.working():
        task = await site.result((await submit(site))["task_id"])
    assert task["status"] == "completed"
    assert json.loads(task["result"]) == {"status": "error", "jobid": None, "error": words}


@pytest.mark.parametrize("fault", [Doubtful("Socket timed out"), Unavailable("connection lost")])
async def test_a_doubtful_submission_makes_one_job(site, fault):
    site.scheduler.submit_fault = fault
    body = await submit(site)
    async with site.working():
        while (await site.get(f"/tasks/{body['task_id']}", "red:demo1")).json()["status"] == "new":
            site.clock.advance(timedelta(seconds=1))  # past the pause between attempts
            await asyncio.sleep(0.01)
        task = await site.result(body["task_id"])
    assert json.loads(task["result"]) == {"status": "ok", "jobid": "1000", "error": None}
    assert list(site.scheduler.jobs) == ["1000"]


async def test_an_idempotency_key_makes_one_task_of_two_requests(site):
    headers = {"Idempotency-Key": "run-1"}
    first = await site.call("POST", JOBS, "red:demo1", data=SCRIPT, headers=headers)
    again = await site.call("POST", JOBS, "red:demo1", data=SCRIPT, headers=headers)
    assert first.json()["task_id"] == again.json()["task_id"]
    other = await site.call("POST", JOBS, "red:demo1", data=SCRIPT | {"job": "#!/bin/sh\n"}, headers=headers)
    assert other.status_code == 422
    large = await site.call(
        "POST", JOBS, "red:demo1", data=SCRIPT | {"callbackTimeout": "9" * 30}, headers={"Idempotency-Key": "run-2"}
    )
    assert large.status_code == 200


@pytest.mark.parametrize(
    "options",
    [
        {"data": {"job": "/home/demo1/x.sh", "isPath": "True", "args": ["", "a", "b c"], "callbackTimeout": "0"}},
        {"data": {"job": "/home/demo1/x.sh", "isPath": "1", "args": ["a", "b c"], "callbackTimeout": ""}},
        {"json": {"job": "/home/demo1/x.sh", "isPath": True, "args": ["a", "b c"], "unknown": 1}},
        {"files": [("job", (None, "/home/demo1/x.sh")), ("isPath", (None, "true")), *MULTIPART_ARGUMENTS]},
    ],
)
async def test_all_kinds_of_bodies(site, options):
    answer = await site.call("POST", JOBS, "red:demo1", **options)
    assert answer.json()["status"] == "OK", answer.text
    intent = (await site.queue.tasks("demo1"))[0].intent
    assert (intent["path"], intent["text"], intent["arguments"]) == ("/home/demo1/x.sh", None, ["a", "b c"])


async def test_callbacks_are_kept_with_the_submission(site):
    await submit(site, callbackUrl="https://else.example/end", callbackEmail="a@else.example", callbackTimeout="60")
    await submit(site, callbackUrl="", callbackEmail="", callbackTimeout="")
    without, given = [task.intent["callback"] for task in await site.queue.tasks("demo1")]
    assert given == {"url": "https://else.example/end", "email": "a@else.example", "timeout": 60}
    assert without == {"url": None, "email": None, "timeout": None}


@pytest.mark.parametrize("body", [{}, {"job": "x"}, {"job": "x", "isPath": "perhaps"}, {"isPath": "true"}])
async def test_wrong_bodies_say_where(site, body):
    answer = await site.call("POST", JOBS, "red:demo1", data=body)
    assert answer.status_code == 422
    assert {"loc", "msg", "type"} <= set(answer.json()["detail"][0])
    assert answer.json()["detail"][0]["loc"][0] == "body"


async def test_a_body_has_a_limit(site):
    answer = await site.call("POST", JOBS, "red:demo1", data=SCRIPT | {"job": "#" * 5_000_000})
    assert answer.status_code == 413
    assert "bytes" in answer.json()["detail"]


async def test_machines(site):
    assert (await site.get("/compute/jobs/cori", "yellow:demo1")).status_code == 404
    assert ids(await site.get("/compute/jobs/pm", "yellow:demo1")) == []
    for answer in (
        await site.get("/compute/jobs/dtns", "yellow:demo1"),
        await site.call("POST", "/compute/jobs/dtn01", "red:demo1", data=SCRIPT),
        await site.call("DELETE", "/compute/jobs/dtns/1", "red:demo1"),
    ):
        assert (answer.status_code, answer.json()["status"]) == (200, "ERROR")
        assert "no batch jobs" in answer.json()["error"]


async def test_cancelling(site):
    site.scheduler.add("1")
    answer = await site.call("DELETE", f"{JOBS}/1", "red:demo1")
    assert answer.json()["status"] == "OK"
    async with site.working():
        task = await site.result(answer.json()["task_id"])
    assert json.loads(task["result"])["status"] == "ok"
    rows = (await site.get(f"{JOBS}/1?sacct=true", "yellow:demo1")).json()["output"]
    assert [row["state"] for row in rows] == ["CANCELLED"]


async def test_cancelling_what_is_not_yours_or_not_there(site):
    site.scheduler.add("2", "demo2")
    await site.get(JOBS, "yellow:demo1")
    foreign = (await site.call("DELETE", f"{JOBS}/2", "red:demo1")).json()
    assert foreign["status"] == "ERROR"
    assert "denied" in foreign["error"]
    assert (await site.call("DELETE", f"{JOBS}/1x", "red:demo1")).json()["status"] == "ERROR"
    unknown = (await site.call("DELETE", f"{JOBS}/99", "red:demo1")).json()
    async with site.working():
        task = await site.result(unknown["task_id"])
    assert "99" in json.loads(task["result"])["error"]


async def test_a_long_listing_is_compressed_for_those_who_take_it(site):
    for number in range(1, 300):
        site.scheduler.add(str(number))
    plain = await site.get("/compute/jobs/perlmutter", "red:demo1", headers={"Accept-Encoding": "identity"})
    packed = await site.get("/compute/jobs/perlmutter", "red:demo1", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding, authorization"
    assert packed.json() == plain.json()
    assert len(packed.json()["output"]) == 299


async def test_who_has_the_rows_already_gets_none(site):
    site.scheduler.add("1")
    first = await site.get(JOBS, "yellow:demo1")
    tag = {"If-None-Match": first.headers["etag"]}
    again = await site.get(JOBS, "yellow:demo1", headers=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    site.clock.advance(timedelta(seconds=6))
    later = await site.get(JOBS, "yellow:demo1", headers=tag)
    assert later.status_code == 304
    assert later.headers["x-data-as-of"] > first.headers["x-data-as-of"]
    assert (await site.get(JOBS, "yellow:demo1", headers=tag, params={"kwargs": "user=demo2"})).status_code == 200
    site.scheduler.add("2")
    site.clock.advance(timedelta(seconds=6))
    assert ids(await site.get(JOBS, "yellow:demo1", headers=tag)) == ["1", "2"]


@pytest.mark.parametrize(
    "query", [{}, {"cached": "false"}, {"sacct": "no"}, {"sacct": "true"}, {"sacct": "true", "cached": "false"}]
)
@pytest.mark.parametrize("job_id", ["1", "9", "77"])
async def test_who_has_the_row_of_a_job_already_gets_none(site, query, job_id):
    """A job, an array with two elements, and none."""
    for each in ("1", "9_1", "9_2"):
        site.scheduler.add(each)
    first = await site.get(f"{JOBS}/{job_id}", "yellow:demo1", params=query)
    tag = first.headers["etag"]
    for given in (tag, f'"other", {tag}', "*"):
        again = await site.get(f"{JOBS}/{job_id}", "yellow:demo1", params=query, headers={"If-None-Match": given})
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert {"x-data-as-of", "x-request-id", "x-content-type-options"} <= again.headers.keys()
        assert (again.headers["cache-control"], again.headers["vary"]) == (
            "no-cache, private",
            "accept-encoding, authorization",
        )
        assert not {"content-type", "content-length"} & again.headers.keys()
    site.clock.advance(timedelta(seconds=6))
    later = await site.get(f"{JOBS}/{job_id}", "yellow:demo1", params=query, headers={"If-None-Match": tag})
    assert (later.status_code, later.headers["x-data-as-of"] > first.headers["x-data-as-of"]) == (304, True)
    site.scheduler.add("1", state=JobState.PENDING)
    site.scheduler.add("9_2", state=JobState.PENDING)
    site.scheduler.add("77")
    site.clock.advance(timedelta(seconds=6))
    changed = await site.get(f"{JOBS}/{job_id}", "yellow:demo1", params=query, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] != tag) == (200, True)


async def test_the_tag_of_a_job_is_the_same_whichever_way_is_asked(site):
    site.scheduler.add("1")
    asked = ["", "?cached=true", "?cached=true&sacct=false", "?sacct=off", "?cached=false"]
    answers = [await site.get(f"{JOBS}/1{query}", "yellow:demo1") for query in asked]
    assert len({each.headers["etag"] for each in answers}) == 1
    assert {each.headers["vary"] for each in answers} == {"accept-encoding, authorization"}
    listed = await site.get(JOBS, "yellow:demo1", params={"kwargs": "jobid=1"})
    assert listed.headers["etag"] == answers[0].headers["etag"]


async def test_a_tag_tells_nobody_what_another_sees(site):
    """Who sees no such job is answered so, whatever tag came."""
    site.scheduler.add("1", "demo2")
    tag = (await site.get(f"{JOBS}/1", "yellow:demo2")).headers["etag"]
    jobs = replace(site.services.jobs, visibility=Visibility.OWN)
    site.app = create_app(replace(site.services, jobs=jobs), name="Example")
    for query in ("", "?cached=false", "?sacct=true"):
        answer = await site.get(f"{JOBS}/1{query}", "yellow:demo1", headers={"If-None-Match": tag})
        assert ids(answer) == []
        assert (await site.get(f"{JOBS}/1", "green:demo1", headers={"If-None-Match": tag})).status_code == 403


async def test_a_refused_question_about_a_job_has_no_tag(site):
    answer = await site.get(f"{JOBS}/x;y", "yellow:demo1", headers={"If-None-Match": "*"})
    assert (answer.status_code, "etag" in answer.headers) == (200, False)
    assert answer.json()["status"] == "ERROR"


async def test_a_large_array_is_compressed_for_those_who_take_it(site):
    for number in range(300):
        site.scheduler.add(f"9_{number}")
    plain = await site.get(f"{JOBS}/9", "red:demo1", headers={"Accept-Encoding": "identity"})
    packed = await site.get(f"{JOBS}/9", "red:demo1", headers={"Accept-Encoding": "gzip"})
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert packed.json() == plain.json()
    assert len(packed.json()["output"]) == 300


@pytest.mark.parametrize("query", [{}, {"cached": "false"}, {"sacct": "0", "cached": "True"}, {"sacct": "no"}])
async def test_the_quick_way_and_the_ordinary_one_say_the_same(site, query):
    site.scheduler.add("1")
    site.scheduler.add("2", "demo2")
    plain = await site.get(JOBS, "yellow:demo1", params=query)
    ordinary = await site.get(JOBS, "yellow:demo1", params=query | {"index": 0})
    assert plain.json() | {"data_as_of": ""} == ordinary.json() | {"data_as_of": ""}
    assert {"etag", "vary", "x-data-as-of", "x-request-id", "x-content-type-options"} <= plain.headers.keys()
    one = await site.get(f"{JOBS}/2", "yellow:demo1", params=query)
    assert ids(one) == ["2"]
    assert "x-data-as-of" in one.headers
