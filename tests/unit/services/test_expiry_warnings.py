"""Mails about clients that end: each once, over restarts, and not lost with a mail server that is away."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Refused, Unavailable
from superfacility.facility.people import User, UserName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.registration.collaborations import CollaborationAccount
from superfacility.services.clients import Collaborations
from superfacility.services.clients.warnings import ExpiryWarnings
from superfacility.services.notices import Notices
from superfacility.testing.clocks import FakeClock
from superfacility.testing.contracts.client_store import CLIENT
from superfacility.testing.stores import (
    Memory,
    MemoryClientStore,
    MemoryCollaborationAccounts,
    MemoryPeople,
    MemoryWarningLog,
)

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass
class Mailbox:
    """Keeps what is sent; `fault` is what the mail server says instead, the `at`-th time."""

    fault: Exception | None = None
    at: int = 0
    mails: list[tuple[str, str]] = field(default_factory=list)
    came: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, recipient: str, subject: str, text: str) -> None:
        if self.fault is not None and len(self.mails) >= self.at:
            raise self.fault
        self.mails.append((recipient, text))
        self.came.set()


@dataclass
class Desk:
    memory: Memory
    clock: FakeClock
    mailbox: Mailbox

    @property
    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "test", "test", "test")

    def warnings(self) -> ExpiryWarnings:
        """As after a restart: nothing is remembered but by the stores."""
        people = MemoryPeople(self.memory)
        collaborations = Collaborations(MemoryCollaborationAccounts(self.memory), people, self.clock)
        notices = Notices(self.mailbox, people, "Example")
        return ExpiryWarnings(MemoryWarningLog(self.memory), collaborations, notices, self.clock)

    async def add(self, lives: timedelta, **changes) -> None:
        now = self.clock.now()
        made = replace(CLIENT, created_at=now, expires_at=now + lives, renewed_at=None, **changes)
        await MemoryClientStore(self.memory).save(made, self.audit, new=True)

    async def after(self, *times: timedelta) -> list[int]:
        """How many mails leave at each look."""
        found, start = [], self.clock.now()
        for each in times:
            self.clock.advance(start + each - self.clock.now())
            found.append(await self.warnings().look())
        return found


@pytest.fixture
async def desk() -> Desk:
    made = Desk(Memory(), FakeClock(), Mailbox())
    for name in ("alice", "bob"):
        user = User(0, UserName(name), email=f"{name}@example.org")
        await MemoryPeople(made.memory).save_user(user, made.audit, new=True)
    return made


async def test_a_long_lived_client_is_told_of_twice(desk):
    await desk.add(60 * DAY)
    looks = (52 * DAY, 53 * DAY, 54 * DAY, 58.9 * DAY, 59 * DAY, 59.5 * DAY, 60 * DAY - HOUR, 60 * DAY, 61 * DAY)
    assert await desk.after(*looks) == [0, 1, 0, 0, 1, 0, 0, 0, 0]
    assert [recipient for recipient, _ in desk.mailbox.mails] == ["alice@example.org"] * 2
    assert f"sfapi clients renew {CLIENT.id}" in desk.mailbox.mails[0][1]


async def test_a_short_lived_one_a_day_and_two_hours_before(desk):
    await desk.add(2 * DAY)
    assert await desk.after(0.5 * DAY, DAY, 1.5 * DAY, 2 * DAY - 2 * HOUR, 2 * DAY - HOUR) == [0, 1, 0, 1, 0]


async def test_what_lives_for_moments_is_not_told_of(desk):
    await desk.add(HOUR)
    assert await desk.after(0 * HOUR, 0.9 * HOUR) == [0, 0]


async def test_of_several_that_are_due_the_nearest_is_sent(desk):
    await desk.add(60 * DAY)
    assert await desk.after(59.5 * DAY, 59.6 * DAY) == [1, 0]


async def test_a_mail_server_that_is_away_loses_nothing(desk):
    await desk.add(2 * DAY)
    desk.mailbox.fault = Unavailable("The mail server does not answer.")
    assert await desk.after(DAY, DAY + HOUR) == [0, 0]
    desk.mailbox.fault = None
    assert await desk.warnings().look() == 1
    assert await desk.warnings().look() == 0


async def test_an_address_that_is_never_taken_is_not_tried_for_ever(desk):
    await desk.add(2 * DAY)
    desk.mailbox.fault = Refused("No such mailbox.\n")
    await desk.after(DAY)
    desk.mailbox.fault = None
    assert await desk.warnings().look() == 0


async def test_a_renewed_client_is_told_of_again(desk):
    await desk.add(2 * DAY)
    assert await desk.after(DAY) == [1]
    store, now = MemoryClientStore(desk.memory), desk.clock.now()
    kept = desk.memory.clients[CLIENT.id]
    await store.save(replace(kept, expires_at=now + 2 * DAY, renewed_at=now), desk.audit)
    assert await desk.after(0 * DAY, DAY) == [0, 1]


async def test_who_manages_an_account_hears_of_it_once_each(desk):
    account = CollaborationAccount(UserName("alice"), None, (UserName("bob"),))
    await MemoryCollaborationAccounts(desk.memory).save(account, desk.audit)
    await desk.add(2 * DAY)
    desk.mailbox.fault, desk.mailbox.at = Unavailable("away"), 1
    assert await desk.after(DAY) == [1]
    desk.mailbox.fault = None
    assert await desk.warnings().look() == 1
    assert [recipient for recipient, _ in desk.mailbox.mails] == ["alice@example.org", "bob@example.org"]


async def test_nobody_is_told_of_what_programs_made_or_what_was_revoked(desk):
    await desk.add(2 * DAY)
    await desk.add(2 * DAY, id=ClientId("child"), made_by=CLIENT.id)
    desk.clock.advance(DAY)
    assert await desk.warnings().look() == 1
    await MemoryClientStore(desk.memory).revoke(CLIENT.id, desk.clock.now(), desk.audit)
    assert await desk.after(DAY - HOUR) == [0]


async def test_it_looks_until_it_is_stopped(desk):
    await desk.add(2 * DAY)
    desk.clock.advance(DAY)
    stop = asyncio.Event()
    running = asyncio.create_task(desk.warnings().run(stop))
    async with asyncio.timeout(10):
        await desk.mailbox.came.wait()
        stop.set()
        await running
