"""Registering programs, and taking their power away again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_client_id
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound
from superfacility.facility.people import People, UserName
from superfacility.oauth.addresses import validate_ranges
from superfacility.oauth.client_keys import public_jwk
from superfacility.oauth.clients import Client, ClientId, ClientKey, ClientStore
from superfacility.oauth.scopes import LEVELS, Scope, SecurityLevel, scopes_of

MAX_NAME_LENGTH = 100
MAX_KEYS = 5


@dataclass(frozen=True, slots=True)
class ClientService:
    """`actor` is who did it, for the audit row. `lifetimes` are a site's own bounds, in place of the table's.

    A client keeps its level for life: power is given by creating a client, never by a change.
    """

    clients: ClientStore
    people: People
    clock: Clock
    lifetimes: Mapping[SecurityLevel, timedelta] | None = None

    async def create(
        self,
        user: str,
        name: str,
        level: SecurityLevel,
        *,
        ranges: Iterable[str],
        keys: Iterable[Mapping[str, Any]],
        actor: str,
        scopes: Iterable[str] | None = None,
        lifetime: timedelta | None = None,
        comments: str = "",
    ) -> Client:
        """Without `scopes` all of the level, without `lifetime` the longest. `keys` are public JWKs."""
        await self._require_user(user)
        now = self.clock.now()
        client = Client(
            id=ClientId(new_client_id()),
            user=UserName(user),
            name=_checked_name(name),
            level=level,
            scopes=_checked_scopes(level, scopes),
            ranges=validate_ranges(level, ranges),
            keys=_checked_keys(keys),
            created_at=now,
            expires_at=self._expiry(level, lifetime, now),
            comments=comments,
        )
        detail = f"{level.label} for {user} from {', '.join(client.ranges)}"
        await self.clients.save(client, self._audit(actor, "clients.create", client.id, detail), new=True)
        return client

    async def get(self, client_id: str) -> Client:
        found = await self.clients.client(ClientId(client_id))
        if found is None:
            raise NotFound(f"There is no client {client_id!r}; `sfapi admin client list` shows them.")
        return found

    async def change(
        self,
        client_id: str,
        *,
        actor: str,
        name: str | None = None,
        ranges: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        keys: Iterable[Mapping[str, Any]] | None = None,
        comments: str | None = None,
    ) -> Client:
        """What is None stays."""
        old = await self.get(client_id)
        new = replace(
            old,
            name=old.name if name is None else _checked_name(name),
            ranges=old.ranges if ranges is None else validate_ranges(old.level, ranges),
            scopes=old.scopes if scopes is None else _checked_scopes(old.level, scopes),
            keys=old.keys if keys is None else _checked_keys(keys),
            comments=old.comments if comments is None else comments,
        )
        await self.clients.save(new, self._audit(actor, "clients.change", client_id, _differences(old, new)))
        return new

    async def renew(self, client_id: str, *, actor: str, lifetime: timedelta | None = None) -> Client:
        """Live on from now for `lifetime`, or as long as the level allows. A revoked client stays revoked."""
        old = await self.get(client_id)
        if old.revoked_at is not None:
            raise Conflict(f"The client {client_id} was revoked: create a new one instead.")
        new = replace(old, expires_at=self._expiry(old.level, lifetime, self.clock.now()))
        detail = f"until {new.expires_at.isoformat(timespec='seconds')}"
        await self.clients.save(new, self._audit(actor, "clients.renew", client_id, detail))
        return new

    async def revoke(self, client_id: str, *, actor: str) -> None:
        """At once and for good; its tasks that have not started are cancelled. Revoking twice changes nothing."""
        client = await self.get(client_id)
        if client.revoked_at is None:
            audit = self._audit(actor, "clients.revoke", client_id)
            await self.clients.revoke(client.id, audit.at, audit)

    async def remove(self, client_id: str, *, actor: str) -> None:
        await self.clients.remove(ClientId(client_id), self._audit(actor, "clients.remove", client_id))

    async def list(self, user: str | None = None) -> Sequence[Client]:
        """Newest first, also expired and revoked ones."""
        return await self.clients.clients(user=None if user is None else UserName(user))

    def longest_lifetime(self, level: SecurityLevel) -> timedelta:
        return (self.lifetimes or {}).get(level, LEVELS[level].lifetime)

    def _expiry(self, level: SecurityLevel, lifetime: timedelta | None, now: datetime) -> datetime:
        longest = self.longest_lifetime(level)
        wanted = longest if lifetime is None else lifetime
        if not timedelta() < wanted <= longest:
            raise InvalidInput(
                f"A {level.label} client lives up to {_days(longest)} days, not {_days(wanted)}: "
                f"ask for more than 0 and at most {_days(longest)}."
            )
        return now + wanted

    async def _require_user(self, name: str) -> None:
        user = await self.people.user(UserName(name))
        if user is None:
            raise NotFound(f"There is no user {name!r}: add it first with `sfapi admin user add`.")
        if not user.active:
            raise InvalidInput(f"The user {name} is not active, and so cannot have clients.")

    def _audit(self, actor: str, action: str, client_id: str, detail: str = "") -> AuditEntry:
        return AuditEntry(self.clock.now(), actor, action, client_id, client_id=client_id, detail=detail)


def _days(lifetime: timedelta) -> str:
    return f"{lifetime / timedelta(days=1):g}"


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInput(f"A client's name has 1 to {MAX_NAME_LENGTH} printable characters.")
    return name


def _checked_scopes(level: SecurityLevel, names: Iterable[str] | None) -> frozenset[Scope]:
    granted = scopes_of(level)
    if names is None:
        return granted
    wanted = frozenset(_scope(name) for name in names)
    beyond = wanted - granted
    if beyond:
        raise InvalidInput(
            f"The level {level.label} does not grant {', '.join(sorted(beyond))}: choose a higher level."
        )
    if not wanted:
        raise InvalidInput("A client needs at least one scope.")
    return wanted


def _scope(name: str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        raise InvalidInput(f"There is no scope {name!r}; there are: {', '.join(Scope)}.") from None


def _checked_keys(keys: Iterable[Mapping[str, Any]]) -> tuple[ClientKey, ...]:
    checked = tuple(ClientKey(public_jwk(key)) for key in keys)
    if not 1 <= len(checked) <= MAX_KEYS:
        raise InvalidInput(f"A client has 1 to {MAX_KEYS} public keys, not {len(checked)}.")
    return checked


def _differences(old: Client, new: Client) -> str:
    fields = ("name", "ranges", "scopes", "keys", "comments")
    return "changed: " + (", ".join(name for name in fields if getattr(old, name) != getattr(new, name)) or "nothing")
