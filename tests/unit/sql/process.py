"""One of several processes on one database: `process.py replay|claim DIRECTORY NAME`. Prints what it got."""

import asyncio
import sys
from datetime import UTC, datetime
from pathlib import Path

from superfacility.adapters.sql import Database, FileLease, SqlAssertionLog, SqlTaskQueue, open_database
from superfacility.core.clock import SystemClock
from superfacility.oauth.clients import ClientId
from superfacility.tasks.task import WorkerId

WHEN = datetime(2100, 1, 1, tzinfo=UTC)


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def replay(database: Database, directory: Path, name: str) -> None:
    """250 uses of one assertion, and one use each of 100 others that every process tries."""
    log = SqlAssertionLog(database)
    same = await asyncio.gather(*(log.use(ClientId("c"), "same", WHEN) for _ in range(250)))
    others = await asyncio.gather(*(log.use(ClientId("c"), f"other{n}", WHEN) for n in range(100)))
    write(f"{sum(same)} {sum(others)}")


async def claim(database: Database, directory: Path, name: str) -> None:
    """Claim until nothing is left."""
    worker = WorkerId(name)
    lease = FileLease(directory / "workers")
    lease.hold(worker)
    queue = SqlTaskQueue(database, lease, SystemClock())
    while claimed := await queue.claim(worker, ["copy"], 3):
        write(" ".join(task.id for task in claimed))
    write("done")
    sys.stdin.read()  # alive until all have ended


async def main(what: str, directory: Path, name: str) -> None:
    database = open_database(directory / "test.db")
    write("ready")
    sys.stdin.readline()
    await {"replay": replay, "claim": claim}[what](database, directory, name)
    await database.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
