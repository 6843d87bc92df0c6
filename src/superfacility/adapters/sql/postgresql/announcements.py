"""What processes tell each other through NOTIFY, and who is woken by it."""

import contextlib
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from psycopg import sql

from superfacility.adapters.sql.postgresql.connections import connect
from superfacility.core.identifiers import new_uuid

CHANNEL = "superfacility"
LOOK_EVERY = 0.1
"""Seconds between two looks whether to end."""
RETRY_PAUSE = 0.25


class Announcements:
    """Two threads with a connection each: one listens, one sends. Sending is no part of any transaction, because
    transactions that notify wait for each other's commits; what a crash leaves unsent is found by who looks at times.

    While nothing can be heard the counts stand still; they all grow once it can again.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._me = new_uuid().hex
        self._counts: defaultdict[str, int] = defaultdict(int)
        self._bells: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)
        self._unsent: set[str] = set()
        self._to_send = threading.Event()
        self._mutex = threading.Lock()
        self._closing = threading.Event()
        self._threads = [
            threading.Thread(target=target, name=f"sql-{name}", daemon=True)
            for name, target in (("listener", self._listen), ("announcer", self._send))
        ]
        for thread in self._threads:
            thread.start()

    def count(self, name: str) -> int:
        return self._counts[name]

    def listen(self, name: str, ring: Callable[[], None]) -> None:
        self._bells[name].append(ring)

    def tell(self, names: Iterable[str]) -> None:
        """Everybody, this process at once."""
        names = set(names)
        if not names:
            return
        self._heard(names)
        with self._mutex:
            self._unsent |= names
        self._to_send.set()

    def close(self) -> None:
        self._closing.set()
        self._to_send.set()
        for thread in self._threads:
            thread.join()

    def _heard(self, names: Iterable[str]) -> None:
        for name in names:
            with self._mutex:
                self._counts[name] += 1
            for ring in tuple(self._bells[name]):
                ring()

    def _listen(self) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(psycopg.Error), connect(self._url) as connection:
                connection.execute(f"LISTEN {CHANNEL}")
                self._heard({*self._counts, *self._bells})
                while not self._closing.is_set():
                    for notice in connection.notifies(timeout=LOOK_EVERY):
                        sender, _, name = notice.payload.partition(" ")
                        if sender != self._me:
                            self._heard([name])
            self._closing.wait(RETRY_PAUSE)

    def _send(self) -> None:
        while not self._closing.is_set():
            self._to_send.wait()  # what never tells anything needs no connection for it
            with contextlib.suppress(psycopg.Error), connect(self._url) as connection:
                connection.execute("SET synchronous_commit = off")
                while not self._closing.is_set():
                    self._to_send.wait()
                    self._send_all(connection)
            self._closing.wait(RETRY_PAUSE)

    def _send_all(self, connection: psycopg.Connection[Any]) -> None:
        self._to_send.clear()
        with self._mutex:
            names, self._unsent = self._unsent, set()
        try:
            for name in names:
                connection.execute(sql.SQL("NOTIFY {}, {}").format(sql.Identifier(CHANNEL), f"{self._me} {name}"))
        except psycopg.Error:
            with self._mutex:
                self._unsent |= names
            self._to_send.set()
            raise
