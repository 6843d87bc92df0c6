"""Mails to addresses that people gave us: few enough a day that the facility's mailer is no cannon."""

from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.allowances import Allowance, Allowances
from superfacility.facility.callbacks import MailSender
from superfacility.facility.errors import FacilityError, Refused
from superfacility.facility.people import UserName
from superfacility.services.events.targets import check_email


@dataclass(frozen=True, slots=True)
class MailRules:
    """How many mails of one user, and to one address, leave in a day (UTC); 0 for any number."""

    per_user: int = 0
    per_address: int = 0


@dataclass(frozen=True, slots=True)
class Mailing:
    """Sends within the rules. A mail that the server does not take is not counted; one whose sending was broken off is,
    for it may have left."""

    mail: MailSender
    allowances: Allowances
    clock: Clock
    rules: MailRules

    def check(self, address: str) -> None:
        """`InvalidInput` for what is no address, or where no mail is ever sent."""
        check_email(address)
        self.mail.check(address)

    async def send(self, owner: UserName, address: str, subject: str, text: str) -> None:
        """As `MailSender.send`; `Refused` where that many have left today."""
        today, counted = self.clock.now().date(), self._counted(owner, address)
        if (full := await self.allowances.take(counted, 1, today)) is not None:
            whose = "of yours" if full.who == owner else "to this address"
            raise Refused(
                f"{full.most} mails {whose} have left today (UTC), and no more do here: send it again tomorrow with "
                "POST /callbacks/ID/redeliver, use callbackUrl, or mail one job of many.\n"
            )
        try:
            await self.mail.send(address, subject, text)
        except FacilityError:
            await self.allowances.correct(counted, -1, today)
            raise

    def _counted(self, owner: UserName, address: str) -> list[Allowance]:
        each = (
            Allowance("callback mails of", owner, self.rules.per_user),
            Allowance("callback mails to", address.lower(), self.rules.per_address),
        )
        return [allowance for allowance in each if allowance.most]
