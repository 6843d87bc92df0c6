"""Built-in accounts, attempts, and identities in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.identity.accounts import Account, LoginLink
from superfacility.oauth.identity.attempts import Counted, Failures
from superfacility.testing.stores.logins import end_sessions
from superfacility.testing.stores.memory import Memory


class MemoryAccountStore:
    """`AccountStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def account(self, user: UserName) -> Account | None:
        return self._memory.login_accounts.get(user)

    async def set_password(self, user: UserName, password: str, audit: AuditEntry) -> None:
        self._change(user, audit, password=password, changed_at=audit.at)
        end_sessions(self._memory, user)
        self._drop_links(user)

    async def rehash(self, user: UserName, old: str, new: str) -> None:
        found = self._memory.login_accounts.get(user)
        if found is not None and found.password == old:
            self._memory.login_accounts[user] = replace(found, password=new)

    async def set_second_factor(
        self, user: UserName, totp: str | None, step: int, recovery: tuple[str, ...], audit: AuditEntry
    ) -> None:
        self._change(user, audit, totp=totp, totp_step=step, recovery=recovery)

    async def set_recovery(self, user: UserName, recovery: tuple[str, ...], audit: AuditEntry) -> None:
        self._change(user, audit, recovery=recovery)

    async def use_step(self, user: UserName, step: int) -> bool:
        found = self._memory.login_accounts.get(user)
        if found is None or found.totp_step >= step:
            return False
        self._memory.login_accounts[user] = replace(found, totp_step=step)
        return True

    async def use_recovery(self, user: UserName, digest: str, audit: AuditEntry) -> bool:
        found = self._memory.login_accounts.get(user)
        if found is None or digest not in found.recovery:
            return False
        self._change(user, audit, recovery=tuple(each for each in found.recovery if each != digest))
        return True

    async def add_link(self, link: LoginLink, audit: AuditEntry) -> None:
        self._require(link.user)
        self._drop_links(link.user)
        self._memory.login_links[link.digest] = link
        self._memory.audit.append(audit)

    async def link(self, digest: str) -> LoginLink | None:
        return self._memory.login_links.get(digest)

    async def use_link(self, link: LoginLink, password: str, audit: AuditEntry) -> bool:
        if self._memory.login_links.pop(link.digest, None) is None:
            return False
        await self.set_password(link.user, password, audit)
        return True

    async def forget_links(self, before: datetime) -> int:
        expired = [digest for digest, link in self._memory.login_links.items() if link.expires_at < before]
        for digest in expired:
            del self._memory.login_links[digest]
        return len(expired)

    def _change(self, user: UserName, audit: AuditEntry, **values: Any) -> None:
        self._require(user)
        found = self._memory.login_accounts.get(user, Account(user, None, audit.at))
        self._memory.login_accounts[user] = replace(found, **values)
        self._memory.audit.append(audit)

    def _require(self, user: UserName) -> None:
        if user not in self._memory.users:
            raise NotFound(f"There is no user {user}: add it first.")

    def _drop_links(self, user: UserName) -> None:
        for digest in [digest for digest, link in self._memory.login_links.items() if link.user == user]:
            del self._memory.login_links[digest]


class MemoryAttemptLog:
    """`AttemptLog` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._failures = memory.login_attempts

    async def attempt(self, counted: Sequence[Counted], now: datetime) -> timedelta:
        found = {each.key: self._failures.get(each.key, Failures()) for each in counted}
        wait = max((found[each.key].wait(each.pace, now) for each in counted), default=timedelta())
        if not wait:
            self._failures |= {key: failures.one_more(now) for key, failures in found.items()}
        return wait

    async def succeeded(self, *, cleared: Sequence[str], eased: Sequence[str] = ()) -> None:
        for key in cleared:
            self._failures.pop(key, None)
        for key in eased:
            if key in self._failures:
                self._failures[key] = replace(self._failures[key], count=max(0, self._failures[key].count - 1))

    async def forget(self, before: datetime) -> int:
        old = [key for key, each in self._failures.items() if each.last_at is not None and each.last_at < before]
        for key in old:
            del self._failures[key]
        return len(old)


class MemoryIdentityStore:
    """`IdentityStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def owner(self, provider: str, subject: str) -> UserName | None:
        return self._memory.login_identities.get((provider, subject))

    async def subjects(self, provider: str, user: UserName) -> tuple[str, ...]:
        kept = self._memory.login_identities.items()
        return tuple(sorted(subject for (at, subject), owner in kept if at == provider and owner == user))

    async def link(self, provider: str, subject: str, user: UserName, audit: AuditEntry) -> None:
        if (provider, subject) in self._memory.login_identities:
            raise Conflict("This identity belongs to somebody already.")
        self._memory.login_identities[provider, subject] = user
        self._memory.audit.append(audit)

    async def unlink(self, user: UserName, audit: AuditEntry) -> int:
        mine = [key for key, owner in self._memory.login_identities.items() if owner == user]
        for key in mine:
            del self._memory.login_identities[key]
        self._memory.audit.append(audit)
        return len(mine)
