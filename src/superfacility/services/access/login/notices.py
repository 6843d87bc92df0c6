"""Mails that tell people what was done to their account, so that they notice if it was somebody else.

NIST SP 800-63B-4, section 4.6.
"""

from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.people import UserName
from superfacility.services.notices import Notices

_TEXT = """\
{what} ({user}, {time} UTC{where}).

If you have not asked for this, tell the facility's staff at once.
"""


@dataclass(frozen=True, slots=True)
class AccountNotices:
    """They go to the address that the person had before. Nobody waits for them, and none carries a secret."""

    notices: Notices
    clock: Clock

    async def password_changed(self, user: UserName, address: str) -> None:
        await self._tell(user, "your password was changed", "Your password was changed", address)

    async def second_factor_changed(self, user: UserName, address: str) -> None:
        await self._tell(user, "your second factor was set up", "A new second factor was set up for you", address)

    async def second_factor_removed(self, user: UserName) -> None:
        what = "The facility's staff have removed your second factor and your recovery codes"
        await self._tell(user, "your second factor was removed", what, "")

    async def recovery_codes_changed(self, user: UserName, address: str) -> None:
        what = "You have new recovery codes, and those of before are void"
        await self._tell(user, "new recovery codes", what, address)

    async def recovery_code_used(self, user: UserName, address: str) -> None:
        what = "Somebody has logged in as you with one of your recovery codes"
        await self._tell(user, "a recovery code was used", what, address)

    async def _tell(self, user: UserName, subject: str, what: str, address: str) -> None:
        where = f", from the address {address}" if address else ""
        text = _TEXT.format(what=what, user=user, time=self.clock.now().strftime("%Y-%m-%d %H:%M"), where=where)
        await self.notices.tell([user], subject, text)
