"""A network between a server and its clients that can be slow, fall silent, and lose its connections."""

import asyncio
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PIECE = 65536
_LOOK_EVERY = 0.02


class Network:
    """Clients connect to `port`. `latency` is in seconds, for each direction; counted for what is sent later. While it
    is `silent` nothing arrives, and nobody is told."""

    def __init__(self, target: int) -> None:
        self.latency = 0.0
        self.silent = False
        self.port = 0
        self._target = target
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(20)

    def reset(self) -> None:
        """Every connection ends at once, for both sides, without a word."""
        asyncio.run_coroutine_threadsafe(self._reset(), self._loop).result(20)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()
        await asyncio.sleep(0)  # who has just connected begins, so that he can end what he holds
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)

    async def _reset(self) -> None:
        for writer in tuple(self._writers):
            # zero seconds to linger: the other side gets a reset
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = {writer}
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            mine.add(far_writer)
            self._writers |= mine
            await asyncio.gather(
                self._carry(reader, far_writer), self._carry(far_reader, writer), return_exceptions=True
            )
        except (OSError, asyncio.CancelledError):
            pass  # nobody listens there for the moment; or the network ends, and asyncio would print that it did
        finally:
            self._writers -= mine
            for each in mine:
                each.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pieces under way do not wait for each other."""
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.ensure_future(self._deliver(under_way, writer))
        try:
            while piece := await reader.read(PIECE):
                under_way.put_nowait((self._loop.time() + self.latency, piece))
        except OSError:
            pass
        under_way.put_nowait((self._loop.time() + self.latency, b""))
        await delivering

    async def _deliver(self, under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter) -> None:
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(due - self._loop.time())
            while self.silent:  # noqa: ASYNC110 - another thread changes it
                await asyncio.sleep(_LOOK_EVERY)
            if not piece:
                writer.close()
                return
            writer.write(piece)
            await writer.drain()


@contextmanager
def network(target: int) -> Iterator[Network]:
    """A network before the server that listens on this port."""
    made = Network(target)
    try:
        yield made
    finally:
        made.close()
