"""The one connection of a process that holds its advisory locks: the server drops them with it, and only then."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import psycopg

from superfacility.adapters.sql.postgresql.connections import connect
from superfacility.adapters.sql.postgresql.faults import translate
from superfacility.facility.errors import Unavailable

PING_EVERY = 0.5
"""Seconds between two looks whether the connection is there; after a loss, between two attempts to have a new one."""
WAIT = 12.0
"""Seconds that a caller waits for another's question to be answered."""
_IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid::bigint = %(high)s AND objid::bigint = %(low)s
)
"""


class Session:
    """Numbers that are *kept* are locked again on a new connection after a loss; others are lost with it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection[Any] | None = None
        self._held: set[int] = set()
        self._kept: set[int] = set()
        self.losses = 0
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="sql-session", daemon=True)
        self._keeper.start()

    def keep(self, number: int) -> None:
        """Hold it from now on, as soon as it can be had."""
        self._kept.add(number)
        with contextlib.suppress(Unavailable):
            self.try_lock(number)

    def holds(self, number: int) -> bool:
        """As far as this process knows without asking."""
        return number in self._held

    def try_lock(self, number: int) -> bool:
        with self._connected() as connection:
            if number not in self._held and _ask(connection, "SELECT pg_try_advisory_lock(%(n)s)", n=number):
                self._held.add(number)
            return number in self._held

    def unlock(self, number: int) -> None:
        self._kept.discard(number)
        if number not in self._held or self._closing.is_set():
            return
        with contextlib.suppress(Unavailable), self._connected() as connection:  # lost, it is unlocked as well
            self._held.discard(number)
            _ask(connection, "SELECT pg_advisory_unlock(%(n)s)", n=number)

    def still_holds(self, number: int) -> bool:
        """Asks the server whether this connection is there."""
        if number not in self._held:
            return False
        with contextlib.suppress(Unavailable), self._connected() as connection:
            _ask(connection, "SELECT 1")
        return number in self._held

    def is_held(self, number: int) -> bool:
        """By anybody."""
        unsigned = number % 2**64
        with self._connected() as connection:
            return bool(_ask(connection, _IS_HELD, high=unsigned >> 32, low=unsigned % 2**32))

    def close(self) -> None:
        self._closing.set()
        self._keeper.join()
        with self._mutex:
            self._lose()

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        """One at a time. `Unavailable` if the server does not answer; then everything that was held is lost."""
        if self._closing.is_set() or not self._mutex.acquire(timeout=WAIT):
            raise Unavailable("The service's database does not answer: try again later, and tell staff if it lasts.")
        try:
            if self._connection is None:
                self._connection = connect(self._url)
            yield self._connection
        except psycopg.Error as problem:
            self._lose()
            raise translate(problem) from problem
        finally:
            self._mutex.release()

    def _lose(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
            self._held.clear()
            self.losses += 1

    def _keep(self) -> None:
        while not self._closing.wait(PING_EVERY):
            if self._connection is None and not self._kept:
                continue
            with contextlib.suppress(Unavailable):
                with self._connected() as connection:
                    _ask(connection, "SELECT 1")
                for number in self._kept - self._held:
                    self.try_lock(number)


def _ask(connection: psycopg.Connection[Any], question: str, **parameters: int) -> Any:
    row = connection.execute(question, parameters).fetchone()
    return None if row is None else row[0]
