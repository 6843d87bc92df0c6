"""The adapter's way to the daemon: one connection, one question at a time, and a daemon started where there is none."""

import asyncio
import json
from pathlib import Path
from typing import Any

from superfacility.adapters.embedded.protocol import DAEMON_PID, LINE_LIMIT, START_PATIENCE, Message, Problem, address
from superfacility.adapters.embedded.starting import start_daemon
from superfacility.core.clock import Clock
from superfacility.facility.errors import Doubtful, FacilityError, Unavailable

_ATTEMPTS = 5
_ANSWER_PATIENCE = 30.0
_KNOCK = 0.01
_RESTART = 1.0
_ONCE = frozenset({"requeue"})
"""Asked again, it would throw away what the job has done in between."""


class _Lost(Exception):
    """The connection broke, or the answer did not come in time."""


class Connection:
    """Nearly every question may be asked again: submissions carry their intent, and most others are repeatable."""

    def __init__(self, state: Path, system: str, clock: Clock) -> None:
        self._state = state
        self._system = system
        self._clock = clock
        self._lock = asyncio.Lock()
        self._heard = False
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, question: Message) -> Any:
        """The answer. `Problem` as the daemon says; `Unavailable` before it heard us, `Doubtful` when it may have."""
        async with self._lock:
            self._heard = False
            for _ in range(_ATTEMPTS):
                try:
                    return await self._exchange(question)
                except _Lost:
                    self._drop()
                    if self._heard and question["do"] in _ONCE:
                        break
            raise self._silent("breaks off before it answers")

    def _silent(self, what: str) -> FacilityError:
        words = f"The scheduler of {self._system} {what}"
        if self._heard:
            return Doubtful(f"{words}; it may have done what was asked, so look before you ask again.")
        return Unavailable(f"{words}; the operator should look into {self._state}/daemon.log.")

    async def _exchange(self, question: Message) -> Any:
        if self._streams is not None and self._streams[0].at_eof():
            self._drop()
        if self._streams is None:
            self._streams = await self._connect()
            await self._converse({"do": "hello", "reload": True})
        self._heard = True
        return await self._converse(question)

    async def _converse(self, question: Message) -> Any:
        assert self._streams is not None
        reader, writer = self._streams
        try:
            async with asyncio.timeout(_ANSWER_PATIENCE):
                writer.write(json.dumps(question, separators=(",", ":")).encode() + b"\n")
                await writer.drain()
                line = await reader.readline()
            if not line.endswith(b"\n"):
                raise _Lost
            answer = json.loads(line)
        except TimeoutError:
            self._drop()
            raise self._silent(f"did not answer within {_ANSWER_PATIENCE:g} s") from None
        except (OSError, ValueError) as error:
            self._drop()
            raise _Lost from error
        except BaseException:  # the answer to an abandoned question must never be taken for the next one's
            self._drop()
            raise
        if "error" in answer:
            raise Problem.from_message(answer["error"])
        return answer["ok"]

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect, or start the daemon and knock until it opens."""
        deadline = self._clock.monotonic() + START_PATIENCE
        next_start = 0.0
        while True:
            try:
                return await self._open()
            except OSError as error:
                now = self._clock.monotonic()
                if now >= deadline or not self._state.is_dir():
                    raise Unavailable(
                        f"The scheduler of {self._system} does not start; the operator should look into {self._state}."
                    ) from error
            if now >= next_start:
                await self._start()
                next_start = self._clock.monotonic() + _RESTART
            await asyncio.sleep(_KNOCK)

    async def _start(self) -> None:
        try:
            await asyncio.to_thread(start_daemon, self._state)
        except OSError as error:
            raise Unavailable(f"The scheduler of {self._system} cannot be started: {error}.") from error

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        with address(self._state) as where:
            return await asyncio.open_unix_connection(where, limit=LINE_LIMIT)

    async def end_daemon(self, *, jobs: bool) -> None:
        """End the daemon that runs, and wait until it is gone; start none."""
        async with self._lock:
            self._drop()
            try:
                self._streams = await self._open()
                await self._converse({"do": "shutdown", "jobs": jobs})
            except (OSError, _Lost):
                return
            finally:
                self._drop()
            deadline = self._clock.monotonic() + START_PATIENCE
            while (self._state / DAEMON_PID).exists() and self._clock.monotonic() < deadline:  # noqa: ASYNC110
                await asyncio.sleep(_KNOCK)

    def _drop(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def aclose(self) -> None:
        async with self._lock:
            self._drop()
