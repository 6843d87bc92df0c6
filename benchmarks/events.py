"""P7: idle event streams cost little memory, and one event reaches all of them soon after it was noticed."""

import asyncio
import json
import os
import statistics
import time
from datetime import datetime
from pathlib import Path

from benchmarks.cluster import Person, facility_on
from benchmarks.measure import get, table
from benchmarks.servers import Served
from superfacility.testing.clusters import SlurmCluster

STREAMS = int(os.environ.get("BENCH_STREAMS", "1000"))
ROUNDS = 3


def run(cluster: SlurmCluster, folder: Path) -> None:
    person = Person(cluster, folder)
    limits = {"SFAPI_LIMITS__EVENT_STREAMS_PER_USER": str(2 * STREAMS)}
    with facility_on(cluster, folder, **limits) as served:
        try:
            cost, late = asyncio.run(_listen(cluster, served))
        finally:
            person.cancel_all()
    table(
        f"P7 {STREAMS:,} event streams of one user (goals: under 24 KiB each; noticed to received under 1 s)",
        ["memory a stream", "noticed to received by the first", "by the median", "by the last"],
        [[f"{cost / 1024:.1f} KiB", *(f"{1000 * each:.0f} ms" for each in late)]],
    )


async def _listen(cluster: SlurmCluster, served: Served) -> tuple[float, tuple[float, float, float]]:
    request = get("/api/v1.2/events?machine=perlmutter", served.token(), "Accept: text/event-stream\r\n").encode()
    first = await _open(served.port, request)
    before = served.resident_bytes()
    streams = [await _open(served.port, request) for _ in range(STREAMS - 1)]
    cost = (served.resident_bytes() - before) / (STREAMS - 1)
    rounds = []
    for _ in range(ROUNDS):
        job = (await asyncio.to_thread(cluster.as_user, "alice", "sbatch", "--parsable", "-H", "--wrap", "true")).stdout
        arrivals = await asyncio.gather(*(_until(stream, job.strip()) for stream in (first, *streams)))
        rounds.append((min(arrivals), statistics.median(arrivals), max(arrivals)))
    return cost, tuple(statistics.median(column) for column in zip(*rounds, strict=True))  # type: ignore[return-value]


async def _open(port: int, request: bytes) -> asyncio.StreamReader:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    reader.writer = writer  # type: ignore[attr-defined] # a stream that nobody holds is closed
    return reader


async def _until(stream: asyncio.StreamReader, job: str) -> float:
    """Seconds from when the event was noticed to when it is here."""
    while True:
        line = (await asyncio.wait_for(stream.readline(), 60)).decode()
        if line.startswith("data:") and f'"{job}"' in line:
            noticed = datetime.fromisoformat(json.loads(line[5:])["at"])
            return time.time() - noticed.timestamp()
