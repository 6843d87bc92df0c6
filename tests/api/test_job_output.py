"""What jobs print: details, pieces, and following it."""

import asyncio
import json
from base64 import b64decode
from datetime import timedelta

import pytest

from superfacility.facility.errors import FileProblem, Unavailable
from superfacility.facility.jobs import JobState

MINUTE = timedelta(minutes=1)
"""More than any reading of the scheduler is believed."""
JOBS = "/compute/jobs/perlmutter"
OUT = "/home/demo1/7.out"


@pytest.fixture
def running(site):
    site.scheduler.add("7")
    site.transport.add_file(OUT, b"hello\n")
    return site


def end(site, job_id="7"):
    site.scheduler.add(job_id, state=JobState.COMPLETED)


async def output(site, token="yellow:demo1", job_id="7", **params):
    response = await site.get(f"{JOBS}/{job_id}/output", token, params=params)
    assert response.status_code == 200, response.text
    return response.json()


async def test_details_say_where_the_files_are(running):
    found = (await running.get(f"{JOBS}/7/details", "yellow:demo1")).json()
    assert found == {
        "jobid": "7",
        "user": "demo1",
        "directory": "/home/demo1",
        "stdout": OUT,
        "stderr": "/home/demo1/7.err",
        "command": None,
        "script": "#!/bin/sh\n",
    }
    assert (await running.get(f"{JOBS}/99/details", "yellow:demo1")).status_code == 404


async def test_output_is_read_piece_by_piece(running):
    assert await output(running) == {
        "data": "hello\n",
        "encoding": "utf-8",
        "offset": 0,
        "next_offset": 6,
        "size": 6,
        "ended": False,
    }
    assert (await output(running, offset=4))["data"] == "o\n"
    assert (await output(running, offset=1, limit=2))["data"] == "el"
    assert (await output(running, offset=-3))["data"] == "lo\n"
    assert (await output(running, offset=-300))["offset"] == 0
    assert (await output(running, offset=6))["data"] == ""
    assert running.scheduler.asked_details == [("demo1", "7", "paths")]


async def test_the_end_is_told_on_evidence_alone(running):
    end(running)
    running.clock.advance(MINUTE)
    assert (await output(running))["ended"] is True


async def test_a_scheduler_that_is_away_hides_no_output(running):
    await output(running)
    running.scheduler.fault = Unavailable("away")
    running.clock.advance(MINUTE)
    found = await output(running)
    assert (found["data"], found["ended"]) == ("hello\n", False)


async def test_before_a_job_begins_there_is_nothing(site):
    site.scheduler.add("7", state=JobState.PENDING)
    found = await output(site)
    assert (found["data"], found["size"], found["ended"]) == ("", 0, False)


async def test_output_that_an_ended_job_has_not_left_is_not_found(site):
    site.scheduler.add("7", state=JobState.CANCELLED)
    response = await site.get(f"{JOBS}/7/output", "yellow:demo1")
    assert response.status_code == 404
    assert OUT in response.json()["detail"]


async def test_a_file_that_became_shorter_is_read_from_its_beginning(running):
    running.transport.add_file(OUT, b"new")
    found = await output(running, offset=6)
    assert (found["data"], found["offset"], found["next_offset"]) == ("new", 0, 3)


async def test_bytes_are_base64_and_characters_are_never_cut(running):
    running.transport.add_file(OUT, b"\xff\x00\x01")
    found = await output(running)
    assert (found["encoding"], b64decode(found["data"])) == ("base64", b"\xff\x00\x01")
    running.transport.add_file(OUT, "aä€".encode())
    found = await output(running, limit=5)
    assert (found["data"], found["next_offset"]) == ("aä", 3)
    assert (await output(running, offset=3))["data"] == "€"


async def test_plain_text_is_the_bytes_as_they_are(running):
    response = await running.get(f"{JOBS}/7/output?offset=2", "yellow:demo1", headers={"accept": "text/plain"})
    assert response.content == b"llo\n"
    assert response.headers["content-type"].startswith("text/plain")
    assert response.headers["x-output-next-offset"] == "6"
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "params", [{"limit": 0}, {"limit": 2**20 + 1}, {"stream": "stdin"}, {"offset": "x"}, {"offset": 2**60}]
)
async def test_wrong_parameters(running, params):
    assert (await running.get(f"{JOBS}/7/output", "yellow:demo1", params=params)).status_code == 422


@pytest.mark.parametrize("what", ["details", "output", "output/follow"])
async def test_output_needs_a_yellow_client(running, what):
    assert (await running.get(f"{JOBS}/7/{what}", "green:demo1")).status_code == 403
    assert (await running.get(f"{JOBS}/7/{what}")).status_code == 403


@pytest.mark.parametrize("what", ["output", "output/follow"])
async def test_what_the_caller_s_rights_do_not_reach_is_not_read(site, what):
    """The path is the job's owner's choice; it opens nothing that the caller could not open."""
    site.scheduler.add("7", "demo2")
    site.transport.add_file("/home/demo2/7.out", b"private")
    readers = []

    def refuse(user, path, **options):
        readers.append((user.name, path))
        raise FileProblem(f"cat: {path}: Permission denied")

    site.transport.read = refuse
    response = await site.get(f"{JOBS}/7/{what}", "yellow:demo1")
    assert (response.status_code, "Permission denied" in response.text) == (422, True)
    assert readers == [("demo1", "/home/demo2/7.out")]


async def test_a_special_file_is_never_opened(running):
    running.transport.add_special(OUT)
    assert (await running.get(f"{JOBS}/7/output", "yellow:demo1")).status_code == 422


class Following:
    """The stream of one follower, event by event."""

    def __init__(self, site, token="yellow:demo1", query="", headers=None):
        self.site = site
        self.sent = asyncio.Queue()
        self.gone = asyncio.Event()
        self.task = asyncio.create_task(self._run(token, query, headers or {}))

    async def _run(self, token, query, headers):
        scope = {
            "type": "http",
            "method": "GET",
            "path": f"/api/v1.2{JOBS}/7/output/follow",
            "raw_path": b"",
            "query_string": query.encode(),
            "headers": [(b"authorization", f"Bearer {token}".encode())]
            + [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 4711),
            "server": ("facility.example", 443),
            "scheme": "https",
            "http_version": "1.1",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "root_path": "",
        }

        async def receive():
            await self.gone.wait()
            return {"type": "http.disconnect"}

        await self.site.app(scope, receive, self.sent.put)

    async def status(self):
        async with asyncio.timeout(20):
            message = await self.sent.get()
        return message["status"]

    async def event(self):
        """The next that is no heartbeat: its name, id and data."""
        while True:
            async with asyncio.timeout(20):
                message = await self.sent.get()
            lines = message["body"].decode().split("\n")
            fields = dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(":"))
            if "event" in fields:
                return fields["event"], fields.get("id"), json.loads(fields["data"])

    async def leave(self):
        self.gone.set()
        async with asyncio.timeout(20):
            await self.task


async def test_following_brings_what_is_printed_until_the_end(running):
    following = Following(running)
    assert await following.status() == 200
    assert await following.event() == ("output", "6", {"data": "hello\n", "encoding": "utf-8", "offset": 0})
    running.transport.add_file(OUT, b"hello\nworld\n")
    assert await following.event() == ("output", "12", {"data": "world\n", "encoding": "utf-8", "offset": 6})
    running.transport.add_file(OUT, b"x\n")
    assert (await following.event())[0] == "restarted"
    assert await following.event() == ("output", "2", {"data": "x\n", "encoding": "utf-8", "offset": 0})
    end(running)
    running.clock.advance(MINUTE)
    assert await following.event() == ("end", None, {"size": 2})
    await following.leave()


async def test_following_goes_on_behind_the_last_event(running):
    following = Following(running, query="stream=stdout", headers={"last-event-id": "4"})
    assert await following.status() == 200
    assert await following.event() == ("output", "6", {"data": "o\n", "encoding": "utf-8", "offset": 4})
    await following.leave()


async def test_a_strange_last_event_id_is_wrong_input(running):
    for text in ("x", "-1", "1" * 17):
        headers = {"last-event-id": text}
        response = await running.get(f"{JOBS}/7/output/follow", "yellow:demo1", headers=headers)
        assert response.status_code == 422


async def test_few_streams_for_each_and_all(running):
    """Two of one person and three in all, as the site of these tests has it; who leaves makes room."""
    running.scheduler.add("7", "demo1")
    first, second = Following(running), Following(running)
    assert (await first.status(), await second.status()) == (200, 200)
    refused = await running.get(f"{JOBS}/7/output/follow", "yellow:demo1")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    assert "You have 2 followed outputs under way" in refused.json()["detail"]
    third = Following(running, token="yellow:staff1")
    assert await third.status() == 200
    fourth = await running.get(f"{JOBS}/7/output/follow", "yellow:demo2")
    assert fourth.status_code == 503
    await first.leave()
    again = Following(running)
    assert await again.status() == 200
    for each in (second, third, again):
        await each.leave()


async def test_a_token_that_is_no_longer_good_ends_the_stream(running):
    following = Following(running)
    assert await following.status() == 200
    assert (await following.event())[0] == "output"
    user = await running.people.user("demo1")
    running.memory.users.pop(user.name)
    running.memory.generation += 1
    name, _, data = await following.event()
    assert (name, "not one of ours" in data["error"]) == ("error", True)
    await following.leave()


async def test_a_system_that_goes_away_ends_the_stream_with_words(running):
    following = Following(running)
    assert await following.status() == 200
    assert (await following.event())[0] == "output"
    running.transport.faults.unavailable = True
    assert (await following.event())[0] == "error"
    await following.leave()
