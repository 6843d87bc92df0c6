"""`PeopleDirectory` over LDAP: ldap3 blocks, so its work is done in threads of our own, a few at a time."""

import asyncio
import queue
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from superfacility.adapters.ldap.connecting import Wire, connect, password_fits
from superfacility.adapters.ldap.entries import (
    Flawed,
    KnownGroup,
    Person,
    group_of,
    person_of,
    reading_of,
    shown,
    with_groups,
)
from superfacility.adapters.ldap.options import Options
from superfacility.adapters.ldap.searching import group_attributes, one_user, search, these_groups, user_attributes
from superfacility.core.clock import Clock
from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.membership.directory import DirectoryReading, DirectoryUser
from superfacility.facility.people import UserName

Answer = TypeVar("Answer")
_GRACE = 2.0
"""Seconds that a thread has to notice its own limit of time, before its connection is cut."""


@dataclass(slots=True)
class _Turn:
    """One piece of work in a thread, and the connection that it may have to be cut off from."""

    wire: Wire | None = None
    given_up: bool = False


@dataclass
class LdapDirectory:
    """A connection is kept for the next question while it works; one that failed is thrown away, and a question that
    found it broken is asked once more on a new one."""

    options: Options
    clock: Clock
    _idle: "queue.SimpleQueue[Wire]" = field(default_factory=queue.SimpleQueue)
    _threads: ThreadPoolExecutor | None = None

    async def user(self, name: UserName, groups: Collection[str] = ()) -> DirectoryUser | None:
        return await self._ask(lambda wire: self._user(wire, name, sorted(groups)), self.options.time_limit)

    async def read(self, groups: Collection[str] = ()) -> DirectoryReading:
        return await self._ask(lambda wire: self._read(wire, sorted(groups)), self.options.read_time_limit)

    async def check_password(self, name: UserName, password: str) -> bool:
        if not password or "\0" in password:
            return False
        found = await self._ask(lambda wire: self._person(wire, name), self.options.time_limit)
        if found is None or not found.user.active:
            return False
        return await self._run(lambda turn: password_fits(self.options, found.dn, password), self.options.time_limit)

    async def ping(self) -> str:
        def look(wire: Wire) -> str:
            bases = dict.fromkeys((self.options.user_base, self.options.group_base))
            for base in bases:
                self._nothing_of(wire, base)
            server = wire.connection.server
            return f"{server.host}:{server.port}"

        return await self._ask(look, self.options.time_limit)

    async def aclose(self) -> None:
        """Questions that were given up end within their own limits of time, and leave connections behind."""
        threads, self._threads = self._threads, None
        if threads is not None:
            await asyncio.to_thread(threads.shutdown, wait=True, cancel_futures=True)
        while (wire := self._take()) is not None:
            wire.close()

    def _nothing_of(self, wire: Wire, base: str) -> None:
        search(wire, self.options, base, "(objectClass=nothing-is-of-this-class)", ["1.1"], self.options.time_limit)

    def _user(self, wire: Wire, name: UserName, groups: list[str]) -> DirectoryUser | None:
        person = self._person(wire, name)
        return None if person is None else with_groups(person, self._groups(wire, groups, self.options.time_limit))

    def _person(self, wire: Wire, name: UserName) -> Person | None:
        """Directories compare names without case, and may have several entries: it must be this one, and one alone."""
        options = self.options
        wanted = one_user(options, name)
        found = search(wire, options, options.user_base, wanted, user_attributes(options), options.time_limit)
        try:
            people = [person_of(entry, options, self.clock.now()) for entry in found]
        except Flawed as flaw:
            raise InvalidInput(f"The directory's entry of {shown(name)} says nothing certain: {flaw}.") from None
        if len(people) > 1:
            raise InvalidInput(f"The directory has {len(people)} entries with the name {shown(name)}.")
        return people[0] if people and people[0] is not None and people[0].user.name == name else None

    def _read(self, wire: Wire, groups: list[str]) -> DirectoryReading:
        options = self.options
        seconds = options.read_time_limit
        known = self._groups(wire, groups, seconds)
        entries = search(wire, options, options.user_base, options.user_filter, user_attributes(options), seconds)
        return reading_of(entries, known, groups, options, self.clock.now())

    def _groups(self, wire: Wire, names: list[str], seconds: float) -> list[KnownGroup]:
        if not names:
            return []
        options = self.options
        found = search(
            wire, options, options.group_base, these_groups(options, names), group_attributes(options), seconds
        )
        groups = (group_of(entry, options) for entry in found)
        return [group for group in groups if group is not None and group.name in names]

    async def _ask(self, question: Callable[[Wire], Answer], seconds: float) -> Answer:
        return await self._run(lambda turn: self._answer(turn, question), seconds)

    def _answer(self, turn: _Turn, question: Callable[[Wire], Answer]) -> Answer:
        kept = self._take()
        if kept is not None:
            try:
                return self._on(turn, kept, question)
            except Unavailable:  # the server may have closed it long ago
                if turn.given_up:
                    raise
        return self._on(turn, connect(self.options), question)

    def _on(self, turn: _Turn, wire: Wire, question: Callable[[Wire], Answer]) -> Answer:
        turn.wire = wire
        try:
            answer = question(wire)
        except Unavailable:
            wire.close()
            raise
        except InvalidInput:  # the answer was whole
            self._keep(wire)
            raise
        self._keep(wire)
        return answer

    async def _run(self, work: Callable[[_Turn], Answer], seconds: float) -> Answer:
        turn = _Turn()
        loop = asyncio.get_running_loop()
        running = loop.run_in_executor(self._pool(), work, turn)
        try:
            return await asyncio.wait_for(asyncio.shield(running), seconds + _GRACE)
        except (TimeoutError, asyncio.CancelledError) as ended:
            turn.given_up = True
            if turn.wire is not None:
                turn.wire.abort()
            running.add_done_callback(_forget)
            if isinstance(ended, asyncio.CancelledError):
                raise
            raise Unavailable(f"The directory did not answer within {seconds:g} s.") from None

    def _pool(self) -> ThreadPoolExecutor:
        if self._threads is None:
            self._threads = ThreadPoolExecutor(self.options.connections, thread_name_prefix="ldap")
        return self._threads

    def _take(self) -> Wire | None:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return None

    def _keep(self, wire: Wire) -> None:
        self._idle.put(wire)


def _forget(ended: "asyncio.Future[Answer]") -> None:
    """Nobody waits for it any more: whatever became of it is no surprise."""
    if not ended.cancelled():
        ended.exception()
