"""A load generator: keep-alive connections that each send one request after the other, in a process of its own.

`python -m benchmarks.load HOST PORT SECONDS CONNECTIONS RATE < requests` reads whole HTTP/1.1 requests as a JSON list
of strings, sends them in turn (RATE requests/s in all, or as fast as they are answered if it is 0) and prints one JSON
object: requests, errors (any status but 200), seconds, p50 and p99 in milliseconds, and how late the generator itself
was (`own_p99_ms`): it shares the processors with what it measures, and what it is late by is in the latencies.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import uvloop

_LOOK_EVERY = 0.01


@dataclass
class Tally:
    requests: int = 0
    errors: int = 0
    latencies: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    def add(self, latency: float, *, ok: bool) -> None:
        self.requests += 1
        self.errors += not ok
        self.latencies.append(latency)

    def percentile(self, share: float) -> float:
        return percentile(self.latencies, share)

    async def watch_itself(self) -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(_LOOK_EVERY)
            self.own.append(time.perf_counter() - began - _LOOK_EVERY)


def percentile(seconds: list[float], share: float) -> float:
    """In milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return round(1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)], 3)


class Connection(asyncio.Protocol):
    """Sends the next request when the last one was answered and `pause` seconds have passed since it was sent."""

    def __init__(self, requests: Iterator[bytes], tally: Tally, pause: float) -> None:
        self.requests, self.tally, self.pause = requests, tally, pause
        self.buffer = bytearray()
        self.missing = 0
        self.ok = False
        self.sent_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.send()

    def send(self) -> None:
        if not self.transport.is_closing():
            self.sent_at = time.perf_counter()
            self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
        else:
            self.buffer += data
            end = self.buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            self.ok = self.buffer[9:12] == b"200"
            self.missing = _length(self.buffer[:end]) - (len(self.buffer) - end - 4)
            self.buffer.clear()
        if self.missing <= 0:
            self.missing = 0
            self.answered()

    def answered(self) -> None:
        latency = time.perf_counter() - self.sent_at
        self.tally.add(latency, ok=self.ok)
        if self.pause > latency:
            asyncio.get_running_loop().call_later(self.pause - latency, self.send)
        else:
            self.send()


def _length(head: bytearray) -> int:
    for line in bytes(head).lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return int(line[15:])
    raise ValueError("the server answered without a content-length")


async def run(host: str, port: int, seconds: float, connections: int, rate: float, requests: list[bytes]) -> Tally:
    tally, turn, loop = Tally(), itertools.cycle(requests), asyncio.get_running_loop()
    pause = connections / rate if rate else 0.0
    watch = asyncio.create_task(tally.watch_itself())
    transports = []
    for _ in range(connections):
        transport, _protocol = await loop.create_connection(lambda: Connection(turn, tally, pause), host, port)
        transports.append(transport)
        await asyncio.sleep(pause / connections)
    await asyncio.sleep(seconds)
    watch.cancel()
    for transport in transports:
        transport.abort()
    return tally


def main() -> None:
    host, port, seconds, connections, rate = sys.argv[1:6]
    requests = [text.encode("latin-1") for text in json.load(sys.stdin)]
    tally = uvloop.run(run(host, int(port), float(seconds), int(connections), float(rate), requests))
    print(
        json.dumps(
            {
                "requests": tally.requests,
                "errors": tally.errors,
                "seconds": float(seconds),
                "p50_ms": tally.percentile(0.5),
                "p99_ms": tally.percentile(0.99),
                "own_p99_ms": percentile(tally.own, 0.99),
            }
        )
    )


if __name__ == "__main__":
    main()
