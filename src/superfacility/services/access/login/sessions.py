"""Sessions of browsers: begun at a login, ended by idleness, by age, at logout, and with the user's access."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import KnownUsers, User, UserName
from superfacility.oauth.logins import LoginSession, LoginSessionStore
from superfacility.services.doubts import nothing_done

_SEEN_EVERY = timedelta(minutes=1)
"""How exactly we remember when a session was used: writing it down with every request would cost more."""

Ended = Callable[[LoginSession, str], Awaitable[None]]
EndedAll = Callable[[UserName, str, str], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class SessionRules:
    """How long a login counts (NIST SP 800-63B-4, section 2.2.3)."""

    idle: timedelta = timedelta(hours=1)
    lifetime: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """How somebody has just proven who they are."""

    user: UserName
    provider: str
    methods: tuple[str, ...]
    upstream_id_token: str | None = None


class BrowserSessions:
    """`ended` and `ended_all` are told of logouts (session and address; user, actor and address): what was granted in
    those sessions may end with them."""

    def __init__(
        self,
        store: LoginSessionStore,
        people: KnownUsers,
        clock: Clock,
        rules: SessionRules | None = None,
        *,
        ended: Sequence[Ended] = (),
        ended_all: Sequence[EndedAll] = (),
    ) -> None:
        self._store = store
        self._people = people
        self._clock = clock
        self._rules = rules or SessionRules()
        self._ended = tuple(ended)
        self._ended_all = tuple(ended_all)

    @property
    def rules(self) -> SessionRules:
        return self._rules

    async def current(self, secret: str) -> LoginSession | None:
        """The session of a cookie, if it still counts; that it was used is remembered."""
        session = await self._store.session(key_of(secret))
        now = self._clock.now()
        if session is None or not self._counts(session, now) or await self.user(session) is None:
            return None
        if now - session.seen_at >= _SEEN_EVERY:
            with nothing_done():
                await self._store.see(session.key, now)
            return replace(session, seen_at=now)
        return session

    def _counts(self, session: LoginSession, now: datetime) -> bool:
        return now < session.expires_at and now - session.seen_at < self._rules.idle

    async def user(self, session: LoginSession) -> User | None:
        """Whose session it is; None once they may not use the facility any more."""
        user = await self._people.user(session.user)
        return user if user is not None and user.active else None

    async def begin(
        self, who: LoggedIn, address: str, *, instead_of: LoginSession | None = None
    ) -> tuple[str, LoginSession]:
        """A session with a new secret, for the cookie; what the browser had before ends."""
        secret, now = secrets.token_urlsafe(32), self._clock.now()
        session = LoginSession(
            key=key_of(secret),
            user=who.user,
            provider=who.provider,
            methods=who.methods,
            logged_in_at=now,
            seen_at=now,
            expires_at=now + self._rules.lifetime,
            upstream_id_token=who.upstream_id_token,
        )
        detail = f"{who.provider} ({' '.join(who.methods)})"
        await self._store.begin(session, self._audit(who.user, "login.begin", who.user, address, detail))
        if instead_of is not None:
            await self.end(instead_of, address)
        return secret, session

    async def end(self, session: LoginSession, address: str) -> None:
        await self._store.end(session.key, self._audit(session.user, "login.end", session.user, address))
        for tell in self._ended:
            await tell(session, address)

    async def end_all(self, user: UserName, actor: str, address: str) -> int:
        """On all browsers, with what was granted there; returns how many sessions there were."""
        count = await self._store.end_all(user, self._audit(actor, "login.end_all", user, address))
        for tell in self._ended_all:
            await tell(user, actor, address)
        return count

    async def of(self, user: UserName) -> Sequence[LoginSession]:
        """Those of one person that still count, newest first."""
        now = self._clock.now()
        return [session for session in await self._store.of(user) if self._counts(session, now)]

    def _audit(self, actor: str, action: str, target: str, address: str, detail: str = "") -> AuditEntry:
        return AuditEntry(self._clock.now(), actor, action, target, address=address or None, detail=detail)


def key_of(secret: str) -> str:
    """Under which a session is kept: whoever reads the database has no cookie."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
