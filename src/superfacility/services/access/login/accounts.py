"""Logging in with a built-in account: name and password first, then the second factor."""

import re
from dataclasses import dataclass

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import People, User, UserName
from superfacility.oauth.identity.accounts import Account, AccountStore
from superfacility.oauth.identity.one_time import matching_step, plain_code
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login.errors import BeginAgain, LoginRefused
from superfacility.services.access.login.flows import HalfWay
from superfacility.services.access.login.hashing import HashingDesk
from superfacility.services.access.login.notices import AccountNotices
from superfacility.services.access.login.sessions import LoggedIn
from superfacility.services.access.login.throttle import Throttle

ACCOUNTS = "accounts"
"""What `LoginSession.provider` says of a built-in account."""
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_WRONG = "Name or password is wrong."
_WRONG_CODE = "This code is not right, or was used already. Type the one that your app shows now."
_WRONG_RECOVERY = "This is none of your recovery codes, or it was used already."
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class AccountLogins:
    """`required`: nobody logs in without a second factor, and who has none sets it up at once."""

    accounts: AccountStore
    people: People
    throttle: Throttle
    hashing: HashingDesk
    sealer: Sealer
    clock: Clock
    notices: AccountNotices
    required: bool = True

    async def password(self, name: str, password: str, address: str, device: str | None, target: str) -> HalfWay:
        """`LoginRefused` in the same words, after the same work, whether it is the name or the password."""
        name = name.strip()
        attempt = await self.throttle.password(name, address, device)
        known = UserName(name if _NAME.fullmatch(name) else "-")
        user, account = await self.people.user(known), await self.accounts.account(known)
        encoded = None if account is None else account.password
        right = await self.hashing.fits(encoded, password)
        if not right or encoded is None or user is None or not user.active:
            _log.warning("login refused", user=None if user is None else user.name, address=address)
            raise LoginRefused(_WRONG)
        await self.throttle.succeeded(attempt)
        if self.hashing.outdated(encoded):
            anew = await self.hashing.hash(password)
            await self.accounts.rehash(user.name, encoded, anew)
            encoded = anew
        return HalfWay(user.name, self._proof(user.name, encoded), target)

    async def has_second_factor(self, user: UserName) -> bool:
        account = await self.accounts.account(user)
        return account is not None and account.totp is not None

    async def code(self, half: HalfWay, code: str, address: str) -> LoggedIn:
        """The second factor: a code of the app. Each counts once, in all processes and after every restart."""
        account = await self.standing(half)
        attempt = await self.throttle.code(half.user, address)
        if not await self.spend(account, code):
            _log.warning("login refused", user=half.user, address=address, factor="code")
            raise LoginRefused(_WRONG_CODE)
        await self.throttle.succeeded(attempt)
        return logged_in(half.user, second_factor=True)

    async def recovery(self, half: HalfWay, code: str, address: str) -> LoggedIn:
        """A recovery code in place of the app's."""
        account = await self.standing(half)
        attempt = await self.throttle.code(half.user, address)
        digest = recovery_mark(self.sealer, half.user, code)
        detail = f"{max(len(account.recovery) - 1, 0)} left"
        audit = AuditEntry(
            self.clock.now(), half.user, "login.use_recovery_code", half.user, address=address, detail=detail
        )
        if account.totp is None or not await self.accounts.use_recovery(half.user, digest, audit):
            _log.warning("login refused", user=half.user, address=address, factor="recovery code")
            raise LoginRefused(_WRONG_RECOVERY)
        await self.throttle.succeeded(attempt)
        await self.notices.recovery_code_used(half.user, address)
        return logged_in(half.user, second_factor=True)

    async def spend(self, account: Account, code: str) -> bool:
        """Whether the code is right and unspent."""
        secret = self._secret(account)
        step = None if secret is None else matching_step(secret, code, self.clock.now())
        return step is not None and await self.accounts.use_step(account.user, step)

    async def standing(self, half: HalfWay) -> Account:
        """The account of a login that is half done; `BeginAgain` if it may not be finished any more."""
        account, user = await self.accounts.account(half.user), await self.people.user(half.user)
        if account is None or account.password is None or user is None or not user.active:
            raise BeginAgain
        if half.proof != self._proof(half.user, account.password):
            raise BeginAgain
        return account

    async def confirm(self, user: User, password: str, address: str, device: str | None) -> None:
        """That it is the owner who changes something, and not whoever found the browser open."""
        await self.password(user.name, password, address, device, "/")

    def _proof(self, user: UserName, encoded: str) -> str:
        return self.sealer.mark(encoded, f"password {user}")

    def _secret(self, account: Account) -> str | None:
        return None if account.totp is None else self.sealer.open(account.totp, totp_context(account.user))


def logged_in(user: UserName, *, second_factor: bool) -> LoggedIn:
    return LoggedIn(user, ACCOUNTS, ("pwd", "otp", "mfa") if second_factor else ("pwd",))


def totp_context(user: UserName) -> str:
    return f"totp {user}"


def recovery_mark(sealer: Sealer, user: UserName, code: str) -> str:
    return sealer.mark(plain_code(code), f"recovery {user}")
