"""Mails to people whose clients end soon: each once, whatever restarts, and late rather than never."""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.errors import FacilityError
from superfacility.facility.people import UserName
from superfacility.oauth.clients import Client
from superfacility.oauth.registration.warnings import WarningLog
from superfacility.services.clients.collaborations import Collaborations
from superfacility.services.notices import Notices

PERIODS = (timedelta(days=7), timedelta(days=1), timedelta(hours=2))
_EVERY = 60.0
_A_DAY, _SHORT_LIFE = timedelta(days=1), timedelta(days=7)
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ExpiryWarnings:
    """Sends, and then remembers: a crash between the two sends a mail twice, and nothing loses one.

    A period counts for clients that live at least twice as long, and one of hours for short-lived ones alone. Clients
    that programs have made end with those, and nobody is told of them.
    """

    notes: WarningLog
    collaborations: Collaborations
    notices: Notices
    clock: Clock
    periods: tuple[timedelta, ...] = PERIODS

    async def run(self, stop: asyncio.Event) -> None:
        """Look once a minute, until `stop`: one process of an installation does."""
        while not stop.is_set():
            await self.look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _EVERY)

    async def look(self) -> int:
        """Returns how many mails have left. A mail server that does not answer is tried again at the next look."""
        sent, now = 0, self.clock.now()
        for ending in await self.notes.ending(now, now + max(self.periods, default=timedelta())):
            due = self._due(ending.client, now)
            for user in await self._concerned(ending.client) if due else ():
                if _notice(min(due), user) in ending.told:
                    continue
                if not await self._send(ending.client, user):
                    return sent
                await self.notes.record(ending.client, [_notice(period, user) for period in due])
                sent += 1
        return sent

    def _due(self, client: Client, now: datetime) -> Sequence[timedelta]:
        if client.made_by is not None:
            return ()
        return [each for each in self.periods if client.expires_at - now <= each and _counts(each, client.lifetime)]

    async def _concerned(self, client: Client) -> Sequence[UserName]:
        return tuple(dict.fromkeys([client.user, *await self.collaborations.managers(client.user)]))

    async def _send(self, client: Client, user: UserName) -> bool:
        """False if it is to be tried again."""
        text = (
            f"The client {client.name} ({client.id}, {client.level.label}, acts as {client.user}) ends on "
            f"{client.expires_at:%Y-%m-%d %H:%M} UTC.\n\nIf it is still needed, renew it:\n\n"
            f"    sfapi clients renew {client.id}\n\nAsk staff anew for what they gave: sfapi clients request\n"
        )
        try:
            await self.notices.deliver(user, f"Your client {client.name} ends soon", text)
        except FacilityError as problem:
            log.info("warning not sent", client_id=client.id, reason=str(problem).strip())
            return not problem.transient
        return True


def _counts(period: timedelta, lifetime: timedelta) -> bool:
    return 2 * period <= lifetime and (period >= _A_DAY or lifetime <= _SHORT_LIFE)


def _notice(period: timedelta, user: UserName) -> str:
    return f"{int(period.total_seconds())}s {user}"
