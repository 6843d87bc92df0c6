"""`GET /events`: who hears what, from where on, and when a stream ends."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from superfacility.app import create_app
from superfacility.facility.events import EventKind, NewEvent
from superfacility.facility.jobs import JobState
from superfacility.facility.people import ProjectName, UserName
from superfacility.http import event_stream
from superfacility.services.compute.visibility import Visibility
from superfacility.services.events.streams import EventService
from superfacility.testing.clocks import START
from superfacility.testing.stores import MemoryEventLog

JOB = NewEvent(
    EventKind.JOB, START, "7", "perlmutter", UserName("demo1"), ProjectName("m0001"), {"jobid": "7", "state": "RUNNING"}
)
DOWN = NewEvent(EventKind.RESOURCE, START, "spin", data={"name": "spin", "state": "down"})


class Stream:
    """A caller that reads a stream, without a socket."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.over = False
        self.hang_up = asyncio.Event()
        self.reads = asyncio.Event()
        self.reads.set()

    async def receive(self):
        await self.hang_up.wait()
        return {"type": "http.disconnect"}

    async def send(self, message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            return
        await self.reads.wait()
        self.text += message.get("body", b"").decode()
        if not message.get("more_body"):
            self.over = True
            self.hang_up.set()

    @property
    def events(self) -> list[tuple[str, str]]:
        """Kind and subject of each event, `reset` without."""
        found = []
        for block in self.text.split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line and line[0] != ":")
            if "data" in fields:
                found.append((fields["event"], json.loads(fields["data"]).get("subject", "")))
        return found

    @property
    def last_id(self) -> str:
        return [line[4:] for line in self.text.splitlines() if line.startswith("id: ")][-1]

    async def until(self, condition) -> None:
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110 - a poll with a deadline
                await asyncio.sleep(0.005)


@pytest.fixture
def log(site) -> MemoryEventLog:
    return MemoryEventLog(site.memory)


@pytest.fixture
async def feed(site) -> AsyncIterator[None]:
    stop = asyncio.Event()
    running = asyncio.create_task(site.services.events.feed.run(stop))
    await asyncio.sleep(0.02)
    yield
    stop.set()
    await running


@asynccontextmanager
async def listening(site, token="yellow:demo1", headers=(), **query) -> AsyncIterator[Stream]:
    stream = Stream()
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/api/v1.2/events",
        "raw_path": b"/api/v1.2/events",
        "query_string": urlencode(query, doseq=True).encode(),
        "headers": [(b"authorization", f"Bearer {token}".encode()), *headers],
        "client": ("127.0.0.1", 4711),
        "server": ("facility.example", 443),
        "scheme": "https",
        "http_version": "1.1",
        "root_path": "",
    }
    task = asyncio.create_task(site.app(scope, stream.receive, stream.send))
    await stream.until(lambda: "retry:" in stream.text or task.done() or stream.over)
    try:
        yield stream
    finally:
        stream.reads.set()
        stream.hang_up.set()
        await task


@pytest.mark.usefixtures("feed")
class TestListening:
    async def test_what_happens_is_heard_with_its_id(self, site, log):
        async with listening(site) as stream:
            assert (stream.status, stream.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
            await log.append([JOB, DOWN])
            await stream.until(lambda: len(stream.events) == 2)
        assert stream.events == [("job", "7"), ("resource", "spin")]
        data = json.loads(stream.text.split("data: ")[1].splitlines()[0])
        assert data == {
            "at": START.isoformat(), "system": "perlmutter", "subject": "7", "user": "demo1", "project": "m0001",
            "jobid": "7", "state": "RUNNING",
        }  # fmt: skip
        assert stream.last_id == str(await log.last_id())

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({}, ["7", "8", "9_1", "spin"]),
            ({"machine": "pm"}, ["7", "8", "9_1"]),
            ({"machine": "dtns"}, []),
            ({"machine": "perlmutter", "jobid": "7"}, ["7"]),
            ({"machine": "perlmutter", "jobid": "9"}, ["9_1"]),
            ({"user": "me"}, ["7"]),
            ({"user": "demo2"}, ["8", "9_1"]),
            ({"kind": ["resource", "outage"]}, ["spin"]),
        ],
    )
    async def test_filters(self, site, log, query, expected):
        other = replace(JOB, subject="8", user=UserName("demo2"))
        async with listening(site, **query) as stream, listening(site) as everything:
            await log.append([JOB, other, replace(other, subject="9_1"), DOWN])
            await everything.until(lambda: len(everything.events) == 4)
            await asyncio.sleep(0)
            assert [subject for _, subject in stream.events] == expected

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ({"machine": "cori"}, 404),
            ({"jobid": "7"}, 422),
            ({"machine": "perlmutter", "jobid": "7;"}, 422),
            ({"kind": "weather"}, 422),
            ({"last_event_id": "yesterday"}, 422),
            ({"last_event_id": "9" * 40}, 422),
            ({"last_event_id": "0" * 20 + "9" * 5000}, 422),
        ],
    )
    async def test_wrong_questions(self, site, query, status):
        assert (await site.get("/events", "yellow:demo1", params=query)).status_code == status

    async def test_it_needs_the_scope(self, site):
        assert (await site.get("/events")).status_code == 403
        assert (await site.get("/events", "green:demo1")).status_code == 403

    @pytest.mark.parametrize("by_header", [True, False])
    async def test_it_goes_on_after_the_last_id(self, site, log, by_header):
        async with listening(site) as stream:
            await log.append([JOB])
            await stream.until(lambda: stream.events)
        await log.append([replace(JOB, subject="8")])
        place = (
            {"headers": [(b"last-event-id", stream.last_id.encode())]}
            if by_header
            else {"last_event_id": stream.last_id}
        )
        async with listening(site, **place) as again:
            await log.append([replace(JOB, subject="9")])
            await again.until(lambda: len(again.events) == 2)
        assert [subject for _, subject in again.events] == ["8", "9"]

    async def test_what_is_not_kept_any_more_is_a_reset(self, site, log):
        async with listening(site, last_event_id="4000") as stream:
            await stream.until(lambda: stream.events)
            assert stream.events == [("reset", "")]
            await log.append([JOB])
            await stream.until(lambda: len(stream.events) == 2)

    async def test_an_idle_stream_has_a_heartbeat_with_the_place_reached(self, site, log):
        async with listening(site, user="demo2") as stream:
            await log.append([JOB])
            await stream.until(lambda: stream.last_id == "1")
            assert "\n:\n" in stream.text
            assert stream.events == []

    async def test_it_ends_with_the_token(self, site):
        async with listening(site) as stream:

            async def refused(token, address):
                return replace(await again(token, address), expires_at=site.clock.now())

            again = site.services.tokens.authenticate
            site.services.tokens.authenticate = refused
            await stream.until(lambda: stream.over)
            assert "access token has ended" in stream.text

    async def test_who_does_not_read_is_cut_off_and_can_come_back(self, site, log, monkeypatch):
        monkeypatch.setattr(event_stream, "UNREAD_BYTES", 2000)
        async with listening(site) as slow, listening(site) as good:
            slow.reads.clear()
            for number in range(30):
                await log.append([replace(JOB, subject=str(number))])
                await good.until(lambda number=number: len(good.events) == number + 1)
            slow.reads.set()
            await slow.until(lambda: slow.over)
            assert len(slow.events) < 30
        monkeypatch.undo()
        async with listening(site, last_event_id=slow.last_id) as again:
            await again.until(lambda: len(again.events) == 30 - len(slow.events))
        assert [subject for _, subject in (*slow.events, *again.events)] == [str(number) for number in range(30)]

    @pytest.mark.parametrize(
        ("visibility", "expected"),
        [
            (Visibility.ALL, ["1", "2", "3", "spin"]),
            (Visibility.PROJECT, ["1", "2", "spin"]),
            (Visibility.OWN, ["1", "spin"]),
        ],
    )
    async def test_events_are_as_visible_as_jobs(self, site, log, visibility, expected):
        service = site.services.events
        narrow = EventService(service.feed, service._facility, site.people, site.clock, visibility=visibility)
        site.app = create_app(replace(site.services, events=narrow), name="Example")
        other = replace(JOB, user=UserName("demo2"))
        events = [
            replace(JOB, subject="1", project=ProjectName("m9")), replace(other, subject="2"),
            replace(other, subject="3", project=None), DOWN,
        ]  # fmt: skip
        async with listening(site) as stream, listening(site, "yellow:staff1") as staff:
            await log.append(events)
            await staff.until(lambda: len(staff.events) == 4)
            assert [subject for _, subject in stream.events] == expected

    async def test_nobody_takes_all_the_room(self, site):
        service = site.services.events
        small = EventService(service.feed, service._facility, site.people, site.clock, per_user=1, in_all=2)
        site.app = create_app(replace(site.services, events=small), name="Example")
        async with listening(site):
            refused = await site.get("/events", "yellow:demo1")
            assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
            assert "You have 1 event streams under way" in refused.json()["detail"]
            async with listening(site, "yellow:demo2"):
                assert (await site.get("/events", "yellow:staff1")).status_code == 503
        async with listening(site) as stream:
            assert stream.status == 200

    async def test_a_job_of_the_queue_is_told_from_reading_to_reading(self, site):
        collector = site.services.jobs.collectors["perlmutter"]
        await collector.view()
        async with listening(site, user="me") as stream:
            for state in (JobState.PENDING, JobState.RUNNING, JobState.COMPLETED):
                site.scheduler.add("41", state=state)
                site.clock.advance(timedelta(seconds=6))
                await collector.view()
            await stream.until(lambda: len(stream.events) == 3)
        assert [json.loads(part.splitlines()[0])["state"] for part in stream.text.split("data: ")[1:]] == [
            "PENDING", "RUNNING", "COMPLETED",
        ]  # fmt: skip


async def test_a_server_that_does_not_follow_says_so(site):
    async with listening(site) as stream:
        await stream.until(lambda: stream.over)


async def test_the_end_of_the_server_ends_the_streams(site):
    stop = asyncio.Event()
    running = asyncio.create_task(site.services.events.feed.run(stop))
    await asyncio.sleep(0.02)
    async with listening(site) as stream:
        stop.set()
        await stream.until(lambda: stream.over)
        await running
