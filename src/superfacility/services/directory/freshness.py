"""Whether somebody may still use the facility, asked of the directory itself when it matters.

The mirror is as old as its last turn. At each token, and at requests of those who have one, the person's own entry is
looked up again after a short while, so that who is locked or removed there loses power within a minute.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import Conflict, InvalidInput, Unavailable
from superfacility.facility.membership.directory import DirectoryMirror, DirectoryUser, Mirrored, PeopleDirectory
from superfacility.facility.people import People, User, UserName
from superfacility.services.directory.contact import Contact
from superfacility.services.directory.sync import watched
from superfacility.services.directory.verdicts import Rules, judge
from superfacility.services.doubts import nothing_done

_REMEMBERED = 10_000
_PAUSE = 10.0
"""Seconds for which a directory that has not answered is left alone: nobody waits for it meanwhile."""
_HOUR = 3600.0
_log = structlog.get_logger(__name__)


@dataclass
class FreshUsers:
    """`KnownUsers`: as the database has them, and of those who are in the directory no older than `fresh` seconds.

    While the directory does not answer, what the database has counts, for at most `stale`. A directory that suddenly
    locks out more people in an hour than `rules` let lose something is not believed: that is a fault more often than
    the truth, and the operator decides.
    """

    people: People
    directory: PeopleDirectory
    mirror: DirectoryMirror
    contact: Contact
    clock: Clock
    rules: Rules
    fresh: float = 30.0
    stale: timedelta = timedelta(hours=24)
    _looked: dict[UserName, float] = field(default_factory=dict)
    _looking: dict[UserName, "asyncio.Task[None]"] = field(default_factory=dict)
    _away_until: float = float("-inf")
    _locked_out: list[float] = field(default_factory=list)
    _began: datetime | None = None

    async def user(self, name: UserName) -> User | None:
        """`Unavailable` for somebody of the directory after it was silent for too long."""
        user = await self.people.user(name)
        if user is None or self.clock.monotonic() - self._looked.get(name, float("-inf")) < self.fresh:
            return user
        looking = self._looking.get(name)
        if looking is None:
            looking = self._looking[name] = asyncio.create_task(self._look(name))
            looking.add_done_callback(lambda ended: self._ended(name, ended))
        await asyncio.shield(looking)
        return await self.people.user(name)

    def _ended(self, name: UserName, looking: "asyncio.Task[None]") -> None:
        self._looking.pop(name, None)
        if not looking.cancelled():
            looking.exception()  # told to those who wait; perhaps nobody does any more

    async def _look(self, name: UserName) -> None:
        here, began = await self.mirror.one(name), self.clock.monotonic()
        if here is not None and here.link is not None:
            if began < self._away_until:
                self._bear_silence()
                return
            try:
                found = await self.directory.user(name)
            except Unavailable as problem:
                self._away_until = self.clock.monotonic() + _PAUSE
                _log.warning("the directory does not answer", why=str(problem))
                self._bear_silence()
                return
            except InvalidInput as problem:  # of that one nothing is known; what the mirror has stays
                _log.error("an entry of the directory says nothing certain", user=name, why=str(problem))
            else:
                await self._follow(here, found)
            self.contact.remember(self.clock.now())
        self._remember(name, began)

    async def _follow(self, here: Mirrored, found: DirectoryUser | None) -> None:
        """Whether they may use the facility; all else can wait for the next turn."""
        verdict = judge(here.user.name, found, here, self.clock.now())
        step = verdict.step
        if step is None or step.user.active == here.user.active:
            return
        if not step.user.active and not await self._believed():
            _log.error("the directory locks out too many: this one is let in still", user=here.user.name)
            return
        try:
            with nothing_done():  # whoever asks again is looked at again
                await self.mirror.apply([step])
        except Conflict as problem:  # somebody else was faster
            _log.info("a user was changed meanwhile", user=here.user.name, why=str(problem))
            return
        why = step.audit.detail if verdict.refusal is None else verdict.refusal.why
        _log.warning("the directory was followed", user=here.user.name, active=step.user.active, why=why)

    async def _believed(self) -> bool:
        now = self.clock.monotonic()
        self._locked_out = [at for at in self._locked_out if now - at < _HOUR]
        if len(self._locked_out) >= self.rules.most(watched(await self.mirror.everybody()) + len(self._locked_out)):
            return False
        self._locked_out.append(now)
        return True

    def _bear_silence(self) -> None:
        now = self.clock.now()
        self._began = self._began or now
        last = self.contact.last() or self._began
        if now - last > self.stale:
            raise Unavailable(
                f"The facility's directory of people has not answered since {last:%Y-%m-%d %H:%M} UTC, so nobody who "
                "is in it is let in until it does. The facility's staff must act: sfapi admin directory check",
                retry_after=60,
            )

    def _remember(self, name: UserName, at: float) -> None:
        self._looked.pop(name, None)
        while len(self._looked) >= _REMEMBERED:
            del self._looked[next(iter(self._looked))]
        self._looked[name] = at
