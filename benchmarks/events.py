"""P7: idle event streams cost little memory, and one event reaches all of them soon after it was noticed."""

import asyncio
import json
import os
import resource
import statistics
import time
from datetime import datetime
from pathlib import Path

from benchmarks.cluster import Person, facility_on
from benchmarks.measure import get, table
from benchmarks.servers import Served
from superfacility.testing.clusters import SlurmCluster

STREAMS = int(os.environ.get("BENCH_STREAMS", "10000"))
ROUNDS = 5
_STILL = 6.0
"""Seconds before each job: the readings of one must not lie in the other's."""


def run(cluster: SlurmCluster, folder: Path) -> None:
    person = Person(cluster, folder)
    _allow_files(STREAMS + 500)
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


def _allow_files(needed: int) -> None:
    """Here, and by inheritance in the server: a stream is an open file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(needed, hard)), hard))


async def _listen(cluster: SlurmCluster, served: Served) -> tuple[float, tuple[float, float, float]]:
    request = get("/api/v1.2/events?machine=perlmutter", served.token(), "Accept: text/event-stream\r\n").encode()
    first = await _open(served.port, request)
    before = served.resident_bytes()
    streams = [await _open(served.port, request) for _ in range(STREAMS - 1)]
    cost = (served.resident_bytes() - before) / (STREAMS - 1)
    rounds = []
    for _ in range(ROUNDS):
        await asyncio.sleep(_STILL)
        job = (await asyncio.to_thread(cluster.as_user, "alice", "sbatch", "--parsable", "-H", "--wrap", "true")).stdout
        arrived = [stream.hears(job.strip()) for stream in (first, *streams)]
        arrivals = await asyncio.wait_for(asyncio.gather(*arrived), 60)
        noticed = first.noticed()
        rounds.append([each - noticed for each in (min(arrivals), statistics.median(arrivals), max(arrivals))])
    return cost, tuple(statistics.median(column) for column in zip(*rounds, strict=True))  # type: ignore[return-value]


async def _open(port: int, request: bytes) -> "_Stream":
    _, stream = await asyncio.get_running_loop().create_connection(lambda: _Stream(request), "127.0.0.1", port)
    await asyncio.wait_for(stream.open, 60)
    return stream


class _Stream(asyncio.Protocol):
    """One listener, as lean as one can be: ten thousand in this process must not be what is measured."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._received = b""
        self._wanted = b""
        self._arrived: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # what nobody holds is closed
        transport.write(self._request)  # type: ignore[attr-defined]  # a connection's transport writes

    def data_received(self, data: bytes) -> None:
        if not self.open.done():
            assert data.startswith(b"HTTP/1.1 200"), data
            self.open.set_result(None)
        elif self._wanted:
            self._received += data
            if self._wanted in self._received and not self._arrived.done():
                self._arrived.set_result(time.time())

    def hears(self, job: str) -> asyncio.Future[float]:
        """When the event of this job has come."""
        self._received, self._wanted = b"", f'"jobid":"{job}"'.encode()
        self._arrived = asyncio.get_running_loop().create_future()
        return self._arrived

    def noticed(self) -> float:
        """When the facility noticed what this stream has heard of."""
        data = next(line for line in self._received.splitlines() if self._wanted in line)
        return datetime.fromisoformat(json.loads(data.removeprefix(b"data: "))["at"]).timestamp()
