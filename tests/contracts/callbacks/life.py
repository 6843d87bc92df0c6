"""One life of the process that owes and sends callbacks: `callback_process.py DIRECTORY URL-OF-RECEIVER COMMIT-POINT`.

The story (submissions, and what happens to their jobs) is in DIRECTORY/story.jsonl, the database in DIRECTORY/test.db.
It dies at that commit point of its own (counted before and after each commit), or ends when all is delivered.
"""

import asyncio
import itertools
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from superfacility.adapters.sql import FileLease, SqlCallbackStore, SqlTaskQueue, open_database
from superfacility.adapters.web import HttpWebhookSender, ReachRules
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import DeliveryState
from superfacility.facility.events import Event, EventKind, NewEvent
from superfacility.facility.people import UserName
from superfacility.facility.secret_files import own_key
from superfacility.services.compute.submissions import SUBMIT
from superfacility.services.events import sending
from superfacility.services.events.callbacks import CallbackService
from superfacility.services.events.endings import Endings
from superfacility.services.events.readings import JobReadings
from superfacility.services.events.secrets import SigningSecrets
from superfacility.services.events.sending import Courier
from superfacility.tasks.task import NewTask, TaskStatus, WorkerId

ALICE = UserName("alice")


class WrittenEvents:
    """An event log in a file of lines; the file is complete from the start."""

    def __init__(self, path: Path) -> None:
        self._lines = [json.loads(line) for line in path.read_text().splitlines()]

    async def after(self, event_id: int, *, limit: int = 1000) -> Sequence[Event]:
        now = datetime.now(UTC)
        return [
            Event(
                number,
                NewEvent(
                    EventKind.JOB,
                    now,
                    line["job"],
                    "perlmutter",
                    ALICE,
                    None,
                    {"jobid": line["job"], "state": line["state"], "exit_code": 0},
                ),
            )
            for number, line in enumerate(self._lines, 1)
            if number > event_id
        ][:7]

    async def last_id(self) -> int:
        return 0

    async def wait(self, timeout: float) -> None:
        await asyncio.sleep(0.02)


def mortal(number: int) -> Any:
    points = itertools.count(1)

    def at_commit(_: str) -> None:
        if next(points) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_commit


async def submit(queue: SqlTaskQueue, service: CallbackService, url: str, jobs: int) -> None:
    """What a worker does: watch, then submit (the jobs are in the log already), then finish."""
    worker = WorkerId("w")
    now = datetime.now(UTC)
    for number in range(jobs):
        task = await queue.by_reference(SUBMIT, str(number))
        if task is None:
            callback = {"url": f"{url}?job={number}", "email": None, "timeout": None}
            new = NewTask(ALICE, SUBMIT, {"system": "perlmutter", "callback": callback}, now, "red", None, str(number))
            task = await queue.accept(new, AuditEntry(now, ALICE, SUBMIT, "perlmutter"))
        if not task.status.terminal:
            await service.expect(task)
            await queue.claim(worker, [SUBMIT], 1)
            await queue.finish(
                worker, task.id, TaskStatus.COMPLETED, {"status": "ok", "jobid": str(number), "error": None}
            )


async def main(directory: Path, url: str, commit_point: int) -> None:
    sending.FIRST_DELAY = timedelta(seconds=0.05)
    sending.POLL = 0.05
    clock, jobs = SystemClock(), int((directory / "jobs").read_text())
    database = open_database(directory / "test.db", on_commit=mortal(commit_point))
    lease = FileLease(directory / "workers")
    lease.hold(WorkerId("w"))
    queue, store = SqlTaskQueue(database, lease, clock), SqlCallbackStore(database)
    events: Any = WrittenEvents(directory / "story.jsonl")

    webhooks = HttpWebhookSender(ReachRules.of(allow=["127.0.0.1/32"], ports=(), http=True), time_limit=60.0)
    secrets = SigningSecrets(own_key(directory / "webhooks.key"), store, clock)
    endings = Endings(events, store, queue, clock, JobReadings({}))
    nothing: Any = None
    courier = Courier(store, webhooks, nothing, secrets, clock)
    service = CallbackService(store, events, webhooks, secrets, endings, courier, clock)
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    await submit(queue, service, url, jobs)
    while len(await store.deliveries(ALICE, state=DeliveryState.DELIVERED, limit=1000)) < jobs:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    stop.set()
    await running
    await webhooks.aclose()
    await database.aclose()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
