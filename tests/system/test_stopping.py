"""Goal R12: a server that is stopped under load answers what it has taken, and what it accepted is done afterwards."""

import contextlib
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

CALLERS = 6
DEADLINE = 60.0


@dataclass
class Heard:
    """What callers were answered, and how their requests failed."""

    accepted: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    failed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Place:
    """A server, and a token that it takes."""

    url: str
    bearer: str

    @classmethod
    def of(cls, facility: Any, key: dict[str, Any]) -> "Place":
        return cls(facility.base_url, facility.token(key))

    def session(self) -> httpx.Client:
        headers = {"Authorization": f"Bearer {self.bearer}"}
        return httpx.Client(base_url=f"{self.url}/", headers=headers, timeout=DEADLINE)


@dataclass
class Callers:
    """Programs that ask one after the other, each on connections that it keeps, until they are told to stop.

    Who cannot connect to one server goes to the next, as a proxy does. A request that was sent and has no answer has
    failed: nobody knows what became of it.
    """

    places: list[Place]
    heard: Heard = field(default_factory=Heard)
    done: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CALLERS)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self.done.set()
            for thread in threads:
                thread.join(DEADLINE)

    def _ask(self, number: int) -> None:
        sessions: dict[Place, httpx.Client] = {}
        count = 0
        while not self.done.is_set():
            place = self.places[(number + count) % len(self.places)]
            if place not in sessions:
                sessions[place] = place.session()
            self._ask_once(sessions[place], f"{number}-{count}")
            count += 1
        for session in sessions.values():
            session.close()

    def _ask_once(self, session: httpx.Client, mark: str) -> None:
        try:
            answer = session.post("utilities/command/perlmutter", data={"executable": f"echo {mark} >> stopped.txt"})
        except httpx.ConnectError:
            self.heard.refused += 1
            time.sleep(0.01)
            return
        except httpx.HTTPError as problem:
            self.heard.failed.append(f"{type(problem).__name__}: {problem}")
            return
        if answer.status_code == 200:
            self.heard.accepted[answer.json()["task_id"]] = mark
        else:
            self.heard.failed.append(f"{answer.status_code} {answer.text}")

    def wait_for(self, answers: int) -> None:
        """So many more that were accepted."""
        end, wanted = time.monotonic() + DEADLINE, len(self.heard.accepted) + answers
        while len(self.heard.accepted) < wanted:
            assert time.monotonic() < end, self.heard
            time.sleep(0.01)


def check_all_done(place: Place, home: Path, heard: Heard) -> None:
    """Every accepted command has run once; one that was under way when its server stopped may say that it may have."""
    end, completed = time.monotonic() + DEADLINE, set()
    with place.session() as session:
        for task_id, mark in heard.accepted.items():
            while (task := session.get(f"tasks/{task_id}").json())["status"] == "new":
                assert time.monotonic() < end, task
                time.sleep(0.05)
            if task["status"] == "completed":
                completed.add(mark)
            else:
                assert "may have run" in task["result"], task
    marks = (home / "stopped.txt").read_text().split()
    assert [mark for mark, times in Counter(marks).items() if times > 1] == []
    assert completed <= set(marks)
    assert len(completed) >= len(heard.accepted) - 16  # what one server works on at a time


@pytest.fixture
def facility(new_facility: Callable[[], Any]) -> Any:
    found = new_facility()
    found.configure(limits={"rates": {"client_per_second": 0}})
    return found


@pytest.mark.timeout(300)
def test_a_server_that_is_stopped_under_load_leaves_no_request_without_an_answer(facility: Any) -> None:
    facility.start()
    key = json.loads(facility.key().read_text())
    callers = Callers([Place.of(facility, key)])
    with callers.asking():
        callers.wait_for(50)
        assert facility.stop() == 0
    assert callers.heard.failed == []
    facility.start()
    check_all_done(Place.of(facility, key), facility.home(facility.first), callers.heard)


@pytest.mark.timeout(300)
def test_two_servers_that_are_exchanged_one_after_the_other_refuse_nothing(facility: Any) -> None:
    """A rolling restart: with another server to go to, nothing is lost and nothing is asked in vain."""
    facility.start()
    key = json.loads(facility.key().read_text())
    second, third = replace(facility, process=None), replace(facility, process=None)
    second.start()
    callers = Callers([Place.of(facility, key), Place.of(second, key)])
    try:
        with callers.asking():
            callers.wait_for(30)
            assert facility.stop() == 0
            third.start()
            callers.places[0] = Place.of(third, key)
            callers.wait_for(30)
            assert second.stop() == 0
            callers.places[1:] = []
            callers.wait_for(30)
        assert callers.heard.failed == []
        check_all_done(callers.places[0], facility.home(facility.first), callers.heard)
    finally:
        for each in (second, third):
            if each.process is not None and each.process.poll() is None:
                each.stop()
