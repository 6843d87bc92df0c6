"""Setting passwords and second factors."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound
from superfacility.facility.people import People, User, UserName
from superfacility.oauth.identity.accounts import AccountStore, LinkPurpose, LoginLink
from superfacility.oauth.identity.one_time import (
    matching_step,
    new_recovery_codes,
    new_totp_secret,
    totp_uri,
)
from superfacility.oauth.identity.passwords import why_weak
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login.accounts import recovery_mark, totp_context
from superfacility.services.access.login.errors import BeginAgain, LinkSpent, LoginRefused, WeakPassword
from superfacility.services.access.login.hashing import HashingDesk
from superfacility.services.access.login.notices import AccountNotices

LINK_LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class SetUp:
    """A second factor that is being set up: what the app must learn, and the same sealed for the form."""

    secret: str
    uri: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Credentials:
    """`facility` is its name, as apps show it."""

    accounts: AccountStore
    people: People
    hashing: HashingDesk
    sealer: Sealer
    clock: Clock
    facility: str
    notices: AccountNotices

    async def make_link(self, name: str, purpose: LinkPurpose, actor: str) -> str:
        """The secret of a new link; earlier links of the user are void."""
        user = await self._user(UserName(name))
        secret = secrets.token_urlsafe(32)
        link = LoginLink(_digest(secret), user.name, purpose, self.clock.now() + LINK_LIFETIME)
        await self.accounts.add_link(link, self._audit(actor, f"login.make_{purpose.value}", user.name))
        return secret

    async def link(self, secret: str) -> LoginLink:
        """`LinkSpent` if it leads nowhere (any more)."""
        found = await self.accounts.link(_digest(secret))
        user = None if found is None else await self.people.user(found.user)
        if found is None or found.expires_at <= self.clock.now() or user is None or not user.active:
            raise LinkSpent
        return found

    async def set_by_link(self, secret: str, password: str, address: str) -> UserName:
        """Whose password it is now; all their sessions have ended."""
        link = await self.link(secret)
        encoded = await self._hashed(await self._user(link.user), password)
        audit = self._audit(link.user, "login.set_password", link.user, address, f"by {link.purpose.value}")
        if not await self.accounts.use_link(link, encoded, audit):
            raise LinkSpent
        await self.notices.password_changed(link.user, address)
        return link.user

    async def change_password(self, user: User, password: str, address: str) -> None:
        """After `AccountLogins.confirm`; all sessions of the user have ended."""
        encoded = await self._hashed(user, password)
        await self.accounts.set_password(
            user.name, encoded, self._audit(user.name, "login.set_password", user.name, address)
        )
        await self.notices.password_changed(user.name, address)

    async def _hashed(self, user: User, password: str) -> str:
        own = (user.name, user.first_name, user.middle_name, user.last_name, user.email, self.facility)
        if (why := why_weak(password, own)) is not None:
            raise WeakPassword(why)
        return await self.hashing.hash(password)

    def set_up(self, user: UserName) -> SetUp:
        """A new second factor, to be learnt by the app."""
        return self._learnable(user, new_totp_secret())

    def set_up_again(self, user: UserName, sealed: str) -> SetUp:
        """The same once more, after a code that was not right."""
        secret = self.sealer.open(sealed, f"set up {user}")
        if secret is None:
            raise BeginAgain
        return self._learnable(user, secret)

    def _learnable(self, user: UserName, secret: str) -> SetUp:
        return SetUp(secret, totp_uri(secret, user, self.facility), self.sealer.seal(secret, f"set up {user}"))

    async def confirm_set_up(self, user: UserName, sealed: str, code: str, address: str) -> tuple[str, ...]:
        """The app has learnt it: from now on it counts. Returns the recovery codes, which are never shown again."""
        secret = self.set_up_again(user, sealed).secret
        step = matching_step(secret, code, self.clock.now())
        if step is None:
            raise LoginRefused("This code is not right. Type the one that your app shows now for this facility.")
        codes = new_recovery_codes()
        totp = self.sealer.seal(secret, totp_context(user))
        audit = self._audit(user, "login.set_second_factor", user, address)
        await self.accounts.set_second_factor(user, totp, step, self._marks(user, codes), audit)
        await self.notices.second_factor_changed(user, address)
        return codes

    async def new_recovery_codes(self, user: UserName, address: str) -> tuple[str, ...]:
        """In place of all before."""
        codes = new_recovery_codes()
        audit = self._audit(user, "login.set_recovery_codes", user, address)
        await self.accounts.set_recovery(user, self._marks(user, codes), audit)
        await self.notices.recovery_codes_changed(user, address)
        return codes

    async def remove_second_factor(self, name: str, actor: str) -> None:
        """For somebody who lost both the telephone and the codes."""
        user = await self._user(UserName(name))
        await self.accounts.set_second_factor(
            user.name, None, 0, (), self._audit(actor, "login.remove_second_factor", user.name)
        )
        await self.notices.second_factor_removed(user.name)

    def _marks(self, user: UserName, codes: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(recovery_mark(self.sealer, user, code) for code in codes)

    async def _user(self, name: UserName) -> User:
        found = await self.people.user(name)
        if found is None:
            raise NotFound(f"No user named {name!r}; `sfapi admin user list` shows them.")
        return found

    def _audit(self, actor: str, action: str, target: str, address: str = "", detail: str = "") -> AuditEntry:
        return AuditEntry(self.clock.now(), actor, action, target, address=address or None, detail=detail)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
