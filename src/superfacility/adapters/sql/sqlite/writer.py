"""The one writer of a process: a thread that commits several queued changes in one transaction.

Each change runs in a savepoint, so that its failure undoes it alone; its future resolves only after the COMMIT.
"""

import asyncio
import contextlib
import queue
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, select, update
from sqlalchemy.pool import StaticPool

from superfacility.adapters.sql.engine.database import DOUBT, PROVING_KEY
from superfacility.adapters.sql.sqlite.connections import open_engine
from superfacility.adapters.sql.sqlite.faults import translate
from superfacility.adapters.sql.tables import counters
from superfacility.facility.errors import Doubtful, Unavailable

LARGEST_BATCH = 256
_MARK = counters.c.name == "commit"


@dataclass(frozen=True, slots=True)
class _Change:
    run: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


@dataclass(frozen=True, slots=True)
class _Outcome:
    value: Any = None
    problem: Exception | None = None


class Writer:
    """`on_commit` is called with "before" and "after" around every COMMIT (crash tests hook in there)."""

    def __init__(self, path: Path, on_commit: Callable[[str], None] | None) -> None:
        self._engine = open_engine(path, read_only=False, pool=StaticPool)
        self._on_commit = on_commit or (lambda _: None)
        self._stopped = False
        self._changes: queue.SimpleQueue[_Change | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="sql-writer", daemon=True)
        self._thread.start()

    async def write(self, run: Callable[[Connection], Any]) -> Any:
        if self._stopped:
            raise Unavailable("The service is stopping: try again in a moment.")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._changes.put(_Change(run, future, loop))
        return await future

    def prove_with(self, key: bytes) -> None:
        self._engine.update_execution_options(**{PROVING_KEY: key})

    def stop(self) -> None:
        """Commit what is queued and end the thread."""
        self._stopped = True
        self._changes.put(None)
        self._thread.join()

    def _serve(self) -> None:
        running = True
        while running:
            batch, running = self._next_batch()
            if batch:
                self._settle(batch, self._outcomes(batch))
        self._engine.dispose()

    def _next_batch(self) -> tuple[list[_Change], bool]:
        batch: list[_Change] = []
        change = self._changes.get()
        while change is not None:
            if not change.future.cancelled():
                batch.append(change)
            if len(batch) == LARGEST_BATCH:
                return batch, True
            try:
                change = self._changes.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _outcomes(self, batch: list[_Change]) -> list[_Outcome]:
        try:
            return self._transact(batch)
        except Exception as problem:  # whatever it was, the callers must hear of it and the thread must live
            return [_Outcome(problem=translate(problem))] * len(batch)

    def _transact(self, batch: list[_Change]) -> list[_Outcome]:
        """Run all changes in one transaction."""
        with self._engine.connect() as connection:
            transaction = connection.begin()
            driver = cast("Any", connection.connection.driver_connection)
            changes_before = driver.total_changes
            outcomes = []
            for change in batch:
                outcomes.append(_attempt(connection, driver, change))
                if not driver.in_transaction:
                    # A full disk and the like undo the whole transaction, with what others had in it.
                    raise outcomes[-1].problem or Unavailable("The service's database gave up: try again later.")
            if driver.total_changes == changes_before:
                transaction.rollback()
                return outcomes
            mark = secrets.randbits(62)
            connection.execute(update(counters).where(_MARK).values(value=mark))
            try:
                self._on_commit("before")
                transaction.commit()
                self._on_commit("after")
            except Exception:
                connection.invalidate()
                if not self._committed(mark):
                    raise
            return outcomes

    def _committed(self, mark: int) -> bool:
        """Look on a new connection whether the transaction whose COMMIT failed is there after all; `Doubtful` where
        that cannot be seen."""
        try:
            self._engine.dispose()
            with self._engine.connect() as connection:
                return connection.scalar(select(counters.c.value).where(_MARK)) == mark
        except Exception as problem:
            raise Doubtful(DOUBT) from problem

    def _settle(self, batch: list[_Change], outcomes: list[_Outcome]) -> None:
        """Hand the outcomes to their event loops, once per loop."""
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = {}
        for change, outcome in zip(batch, outcomes, strict=True):
            by_loop.setdefault(change.loop, []).append((change.future, outcome))
        for loop, pairs in by_loop.items():
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_resolve, pairs)


def _attempt(connection: Connection, driver: Any, change: _Change) -> _Outcome:
    """One change in a savepoint of its own."""
    driver.execute("SAVEPOINT change")
    try:
        outcome = _Outcome(change.run(connection))
    except Exception as problem:  # the change's own failure is its caller's, not the batch's
        outcome = _Outcome(problem=translate(problem))
        if driver.in_transaction:
            driver.execute("ROLLBACK TO change")
    if driver.in_transaction:
        driver.execute("RELEASE change")
    return outcome


def _resolve(pairs: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for future, outcome in pairs:
        if future.cancelled():
            continue
        if outcome.problem is not None:
            future.set_exception(outcome.problem)
        else:
            future.set_result(outcome.value)
