"""Mails about requests that people wait for: to staff when something is to be decided, to people when it is.

They are a courtesy: what they tell of is in the database whether they arrive or not, so they hold nobody up.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from superfacility.facility.callbacks import MailSender
from superfacility.facility.errors import FacilityError
from superfacility.facility.people import People, UserName

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Notices:
    """`facility` is its name, as subjects begin with it. `on_failure` is told the address and why."""

    mail: MailSender
    people: People
    facility: str
    on_failure: Callable[[str, str], None] = field(default=lambda address, why: _write_down(why))
    _sending: set[asyncio.Task[None]] = field(default_factory=set)

    async def tell(self, users: Iterable[str] | Awaitable[Iterable[str]], subject: str, text: str) -> None:
        """Those of them that have an address. Returns before the mails have left, also where nobody can be looked up:
        what they tell of is done."""
        with self._courtesy():
            names = await users if isinstance(users, Awaitable) else users
            found = [await self.people.user(UserName(name)) for name in dict.fromkeys(names)]
            self._send([user.email for user in found if user is not None and user.active and user.email], subject, text)

    def tell_address(self, address: str, subject: str, text: str) -> None:
        """Somebody who may be no user here."""
        self._send([address], subject, text)

    async def tell_staff(self, subject: str, text: str) -> None:
        """As `tell`."""
        with self._courtesy():
            staff = [user for user in await self.people.users() if user.staff and user.active and user.email]
            self._send([user.email for user in staff], subject, text)

    async def deliver(self, user: str, subject: str, text: str) -> None:
        """The same to one user, for a mail that must not be lost: returns once it has left, or if there is nobody to
        send it to; `Unavailable` or `Refused` as the mail server says."""
        found = await self.people.user(UserName(user))
        if found is not None and found.active and found.email:
            await self.mail.send(found.email, f"{self.facility}: {subject}", text)

    async def settle(self) -> None:
        """Wait until all have left or failed: before a command ends."""
        await asyncio.gather(*self._sending)

    @contextmanager
    def _courtesy(self) -> Iterator[None]:
        try:
            yield
        except FacilityError as error:
            log.warning("nobody could be looked up for a notice", problem=str(error).strip())

    def _send(self, addresses: Iterable[str], subject: str, text: str) -> None:
        for address in dict.fromkeys(addresses):
            task = asyncio.create_task(self._deliver(address, f"{self.facility}: {subject}", text))
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)

    async def _deliver(self, address: str, subject: str, text: str) -> None:
        try:
            await self.mail.send(address, subject, text)
        except FacilityError as error:
            self.on_failure(address, str(error).strip())


def _write_down(why: str) -> None:
    """Without the address: it is a person's."""
    log.info("notice not sent", reason=why)
