"""Waiting for jobs and tasks: by events, over lost connections, and without events."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import pytest

from superfacility.client.calls.jobs import JobCalls
from superfacility.client.calls.output import OutputCalls
from superfacility.client.errors import NotFound, Refused, TimedOut, Unavailable
from superfacility.client.transport.messages import Broken, NotReached
from superfacility.client.wire.session import Session

Reply = Callable[..., Any]


@pytest.fixture
def calls(transport: Any) -> JobCalls:
    return JobCalls(Session("https://api.example", transport, clock=transport.clock))


@pytest.fixture
def output(transport: Any) -> OutputCalls:
    return OutputCalls(Session("https://api.example", transport, clock=transport.clock))


def row(state: str, **more: str) -> dict[str, str]:
    return {"jobid": "5", "state": state, **more}


def listed(reply: Reply, *rows: dict[str, str]) -> Any:
    return reply({"status": "OK", "output": list(rows), "error": None})


def stream(reply: Reply, *pieces: bytes | Exception) -> Any:
    return reply(pieces=pieces, content_type="text/event-stream")


OPEN = b"retry: 10\nid: 1\n\n"
ENDED = b'id: 3\nevent: job\ndata: {"state":"FAILED"}\n\n'
DONE = row("FAILED", exitcode="3:0")


async def test_it_listens_and_asks_only_when_something_happens(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(
        listed(reply, row("RUNNING")),
        stream(reply, OPEN, b"", ENDED),
        listed(reply, row("RUNNING")),  # as soon as the stream is open, lest something was missed
        stream(reply, ENDED),
        listed(reply),
        listed(reply, DONE),
    )
    seen: list[str] = []
    found = await calls.wait_for_job("m", "5", changed=lambda jobs: seen.append(jobs[0].state))
    assert [(job.state, job.exit_code, job.signal) for job in found] == [("FAILED", 3, 0)]
    assert seen == ["RUNNING", "FAILED"]
    streams = [each for each in transport.asked if "/events?" in each.url]
    assert "machine=m&jobid=5&kind=job&kind=job.lost" in streams[0].url
    assert [each.headers.get("last-event-id") for each in streams] == [None, "1"]


async def test_a_lost_connection_and_a_facility_that_is_away_end_nothing(
    calls: JobCalls, transport: Any, reply: Reply
) -> None:
    away = [NotReached("down")] * 12
    transport.will(
        listed(reply, row("RUNNING")),
        stream(reply, OPEN, Broken("cut")),
        listed(reply, row("RUNNING")),
        *away,
        *away,
        stream(reply, ENDED),
        listed(reply),
        listed(reply, DONE),
    )
    found = await calls.wait_for_job("m", "5")
    assert found[0].exit_code == 3


async def test_without_events_it_asks_now_and_then_with_a_tag(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(
        listed(reply, row("PENDING")),
        reply({"detail": "no such path"}, 404),
        reply({"status": "OK", "output": []}, etag='W/"a"'),
        listed(reply, row("RUNNING")),
        reply(pieces=[], status=304, etag='W/"a"'),
        reply({"status": "OK", "output": []}, etag='W/"b"', retry_after="20"),
        listed(reply, row("RUNNING")),
        reply(pieces=[], status=304, etag='W/"b"', retry_after="2"),
        reply({"status": "OK", "output": []}, etag='W/"c"'),
        listed(reply),
        listed(reply, DONE),
    )
    assert (await calls.wait_for_job("m", "5"))[0].state == "FAILED"
    assert [each.headers["if-none-match"] for each in transport.asked if "if-none-match" in each.headers] == [
        'W/"a"',
        'W/"a"',
        'W/"b"',
        'W/"b"',
    ]
    assert transport.slept == [5.0, 5.0, 5.0, 20.0, 5.0], "never earlier than the facility wants"


async def test_a_listing_knows_its_age_by_the_facilitys_clock(calls: JobCalls, transport: Any, reply: Reply) -> None:
    body = {"status": "OK", "output": [row("RUNNING")], "data_as_of": "2026-05-31T17:59:20+00:00", "stale": True}
    transport.will(reply(body, date="Sun, 31 May 2026 18:00:00 GMT"))
    found = await calls.jobs("m")
    assert (found.stale, found.age, found[0].state) == (True, 40.0, "RUNNING")
    transport.will(listed(reply, row("RUNNING")))
    found = await calls.job_elements("m", "5")
    assert (found.stale, found.as_of, found.age) == (False, None, None)


async def test_a_new_reason_to_wait_is_told(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(listed(reply, row("PENDING", reason="Priority")), stream(reply, OPEN, OPEN, ENDED))
    transport.will(listed(reply, row("PENDING", reason="Priority")), listed(reply, row("PENDING", reason="Resources")))
    transport.will(listed(reply), listed(reply, DONE))
    seen: list[str] = []
    await calls.wait_for_job("m", "5", changed=lambda jobs: seen.append(jobs[0].reason))
    assert seen == ["Priority", "Resources", ""]


async def test_time_ends_the_waiting_and_not_the_job(calls: JobCalls, transport: Any, reply: Reply) -> None:
    def nothing_more(_: Any) -> Any:
        transport.clock.passed += 15
        return stream(reply, b":\nid: 1\n\n")

    transport.will(listed(reply, row("RUNNING")))
    for _ in range(5):
        transport.will(nothing_more, listed(reply, row("RUNNING")))
    with pytest.raises(TimedOut, match=r"goes on.*sfapi show 5"):
        await calls.wait_for_job("m", "5", timeout=40)


async def test_all_elements_of_an_array_are_waited_for(calls: JobCalls, transport: Any, reply: Reply) -> None:
    one, two = {"jobid": "5_1", "state": "COMPLETED"}, {"jobid": "5_2", "state": "RUNNING"}
    ended = [{**one, "exitcode": "0:0"}, {**two, "state": "CANCELLED by 1002", "exitcode": "0:15"}]
    transport.will(
        listed(reply, one, two), listed(reply, ended[0]), stream(reply, OPEN), listed(reply), listed(reply, *ended)
    )
    found = await calls.wait_for_job("m", "5")
    assert [(job.id, job.state, job.exit_code, job.signal) for job in found] == [
        ("5_1", "COMPLETED", 0, 0),
        ("5_2", "CANCELLED", 0, 15),
    ]


async def test_an_exit_code_that_accounting_learns_late_is_waited_for(
    calls: JobCalls, transport: Any, reply: Reply
) -> None:
    transport.will(listed(reply, row("COMPLETED")), listed(reply))
    transport.will(listed(reply, row("COMPLETED")), listed(reply))
    transport.will(listed(reply), listed(reply, row("COMPLETED", exitcode="0:0")))
    assert (await calls.wait_for_job("m", "5"))[0].exit_code == 0
    assert transport.slept == [1.0, 1.0]


async def test_a_job_that_is_not_there_is_not_waited_for(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(listed(reply), listed(reply))
    with pytest.raises(NotFound, match="no job 5 on m"):
        await calls.wait_for_job("m", "5")


def task(reply: Reply, state: str, **result: Any) -> Any:
    return reply({"id": "9", "status": state, "result": json.dumps(result) if result else None})


async def test_a_submission_is_a_task_whose_words_are_passed_on(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply({"task_id": "9", "status": "OK", "error": None}), task(reply, "new"))
    transport.will(task(reply, "completed", status="ok", jobid="77", error=None))
    assert await calls.submit("m", "#!/bin/sh\n") == "77"
    transport.will(reply({"task_id": "9", "status": "OK", "error": None}))
    transport.will(task(reply, "completed", status="error", jobid=None, error="sbatch: error: no time\n"))
    with pytest.raises(Refused, match=r"^sbatch: error: no time$"):
        await calls.submit("m", "#!/bin/sh\n")
    transport.will(reply({"task_id": "", "status": "ERROR", "error": "The project has no hours left."}))
    with pytest.raises(Refused, match="no hours left"):
        await calls.submit("m", "#!/bin/sh\n")
    keys = [each.headers["idempotency-key"] for each in transport.asked if each.method == "POST"]
    assert len(set(keys)) == 3


async def test_whom_to_tell_of_a_job_goes_with_its_submission(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(reply({"task_id": "9", "status": "OK", "error": None}))
    transport.will(task(reply, "completed", status="ok", jobid="77", error=None))
    told = {"callback_url": "https://me.example/", "callback_email": "me@me.example", "callback_timeout": 60}
    await calls.submit("m", "#!/bin/sh\n", **told)
    form = dict(parse_qsl(transport.asked[0].body.decode()))
    assert (form["callbackUrl"], form["callbackEmail"], form["callbackTimeout"]) == (*map(str, told.values()),)


async def test_a_facility_that_answers_at_once_is_asked_less_and_less_often(
    calls: JobCalls, transport: Any, reply: Reply
) -> None:
    transport.will(*(task(reply, "new") for _ in range(20)), Unavailable("x"), task(reply, "cancelled"))
    transport.answers[20] = NotReached("down")
    assert (await calls.wait_for_task("9")).state == "cancelled"
    assert transport.slept[0] == 0.1
    assert max(transport.slept) == 5.0


def held(reply: Reply, transport: Any, seconds: float, state: str, **result: Any) -> Any:
    def answer(_: Any) -> Any:
        transport.clock.passed += seconds
        return task(reply, state, **result)

    return answer


async def test_a_facility_that_keeps_its_answer_is_asked_again_at_once(
    calls: JobCalls, transport: Any, reply: Reply
) -> None:
    transport.will(held(reply, transport, 15, "new"), held(reply, transport, 3, "completed", status="ok"))
    assert (await calls.wait_for_task("9")).state == "completed"
    assert transport.slept == []
    assert ["wait=15.00" in each.url for each in transport.asked] == [True, True]


async def test_a_facility_is_never_asked_earlier_than_it_wants(calls: JobCalls, transport: Any, reply: Reply) -> None:
    hinted = [reply({"id": "9", "status": "new", "result": None}, retry_after="7") for _ in range(3)]
    transport.will(*hinted, task(reply, "completed"))
    await calls.wait_for_task("9")
    assert transport.slept == [7.0] * 3


async def test_who_looks_at_what_a_command_writes_sees_it_every_second(
    calls: JobCalls, transport: Any, reply: Reply
) -> None:
    transport.will(held(reply, transport, 1, "new", output="one"), held(reply, transport, 0.2, "completed"))
    seen: list[Any] = []
    await calls.wait_for_task("9", seen=lambda each: seen.append((each.result or {}).get("output")))
    assert seen == ["one", None]
    assert "wait=1.00" in transport.asked[0].url


async def test_waiting_for_a_task_has_an_end(calls: JobCalls, transport: Any, reply: Reply) -> None:
    transport.will(*(held(reply, transport, 15, "new") for _ in range(2)), held(reply, transport, 10, "new"))
    with pytest.raises(TimedOut, match=r"goes on.*sfapi tasks show 9"):
        await calls.wait_for_task("9", timeout=40)
    assert "wait=10.00" in transport.asked[-1].url


async def test_output_goes_on_where_it_broke_off(output: OutputCalls, transport: Any, reply: Reply) -> None:
    one = b'id: 4\nevent: output\ndata: {"data":"one\\n","encoding":"utf-8","offset":0}\n\n'
    two = b'id: 6\nevent: output\ndata: {"data":"/w==","encoding":"base64","offset":4}\n\n'
    two += b'event: end\ndata: {"size":6}\n\n'
    transport.will(stream(reply, one, Broken("cut")), stream(reply, two))
    found = [piece.data async for piece in output.follow_output("m", "5")]
    assert found == [b"one\n", b"\xff"]
    assert transport.asked[1].headers["last-event-id"] == "4"


async def test_an_error_in_a_stream_is_believed_when_it_comes_again(
    output: OutputCalls, transport: Any, reply: Reply
) -> None:
    error = b'event: error\ndata: {"error":"The file is gone."}\n\n'
    transport.will(stream(reply, error), stream(reply, error))
    with pytest.raises(Refused, match="gone"):
        async for _ in output.follow_output("m", "5"):
            pass
