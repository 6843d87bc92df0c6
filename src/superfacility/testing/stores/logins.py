"""Sessions of people's browsers in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.oauth.logins import LoginSession
from superfacility.testing.stores.memory import Memory


class MemoryLoginSessionStore:
    """`LoginSessionStore` in memory."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def session(self, key: str) -> LoginSession | None:
        return self._memory.login_sessions.get(key)

    async def begin(self, session: LoginSession, audit: AuditEntry) -> None:
        self._memory.login_sessions[session.key] = session
        self._memory.audit.append(audit)

    async def see(self, key: str, at: datetime) -> None:
        if (session := self._memory.login_sessions.get(key)) is not None:
            self._memory.login_sessions[key] = replace(session, seen_at=at)

    async def end(self, key: str, audit: AuditEntry) -> None:
        if self._memory.login_sessions.pop(key, None) is not None:
            self._memory.audit.append(audit)

    async def end_all(self, user: UserName, audit: AuditEntry) -> int:
        self._memory.audit.append(audit)
        return end_sessions(self._memory, user)

    async def of(self, user: UserName) -> Sequence[LoginSession]:
        found = [session for session in self._memory.login_sessions.values() if session.user == user]
        return sorted(found, key=lambda session: session.logged_in_at, reverse=True)

    async def forget(self, before: datetime) -> int:
        expired = [key for key, session in self._memory.login_sessions.items() if session.expires_at < before]
        for key in expired:
            del self._memory.login_sessions[key]
        return len(expired)


def end_sessions(memory: Memory, user: UserName) -> int:
    keys = [key for key, session in memory.login_sessions.items() if session.user == user]
    for key in keys:
        del memory.login_sessions[key]
    return len(keys)
