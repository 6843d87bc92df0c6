"""Streams of events across the death of the server: no gap, nothing twice."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

DEADLINE = 60.0


@dataclass(frozen=True)
class Heard:
    id: int
    kind: str
    data: dict[str, Any]


def session(facility: Any, key: dict[str, Any]) -> httpx.Client:
    token = facility.token(key)
    return httpx.Client(base_url=facility.base_url + "/", headers={"Authorization": f"Bearer {token}"}, timeout=30)


def listen(http: httpx.Client, last_id: int | None = None) -> Iterator[Heard | int]:
    """Events, and ids alone as ints."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    end = time.monotonic() + DEADLINE
    with http.stream("GET", "events", params={"user": "me", "machine": "perlmutter"}, headers=headers) as stream:
        assert stream.status_code == 200
        fields: dict[str, str] = {}
        for line in stream.iter_lines():
            assert time.monotonic() < end, "the event did not come"
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
            elif "data" in fields:
                yield Heard(int(fields["id"]), fields["event"], json.loads(fields["data"]))
                fields = {}
            else:
                yield int(fields["id"])
                fields = {}


@pytest.fixture
def facility(new_facility: Callable[[], Any]) -> Any:
    """One that would wait for ten minutes for requests that are under way, where it waited for streams."""
    made = new_facility()
    made.configure(server={"graceful_seconds": 600})
    made.start()
    return made


def test_a_stream_goes_on_where_a_killed_server_left_it(facility: Any) -> None:
    key = json.loads(facility.key("demo1").read_text())
    go, ended = facility.directory / "go", facility.directory / "ended"
    heard: list[Heard] = []
    last = None
    with session(facility, key) as http:
        for each in listen(http):
            if isinstance(each, int):
                if last is None:
                    job = f"#!/bin/sh\nuntil [ -e '{go}' ]; do sleep 0.1; done\ntouch '{ended}'\nexit 3\n"
                    assert http.post("compute/jobs/perlmutter", data={"job": job, "isPath": "false"}).json()["task_id"]
                last = each
                continue
            heard.append(each)
            last = each.id
            if each.data["state"] == "RUNNING":
                break
    facility.kill()
    go.touch()
    end = time.monotonic() + DEADLINE
    while not ended.exists():  # the job ends while nobody looks
        assert time.monotonic() < end
        time.sleep(0.1)
    facility.start()
    with session(facility, key) as http:
        for each in listen(http, last):
            if isinstance(each, Heard):
                heard.append(each)
                if each.data["state"] not in {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING"}:
                    break
    states = [each.data["state"] for each in heard]
    assert states == sorted(set(states), key=["PENDING", "RUNNING", "COMPLETING", "FAILED"].index)
    assert [each.id for each in heard] == sorted({each.id for each in heard})
    assert (heard[-1].kind, states[-1], heard[-1].data["exit_code"]) == ("job", "FAILED", 3)
    assert facility.stop() == 0


def test_a_server_that_stops_does_not_wait_for_its_streams(facility: Any) -> None:
    key = json.loads(facility.key("demo1").read_text())
    with session(facility, key) as http:
        stream = listen(http)
        next(stream)
        assert facility.stop() == 0
        assert all(isinstance(each, int) for each in stream)
