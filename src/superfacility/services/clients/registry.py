"""Registering programs, and taking their power away again, as operators do it."""

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
from superfacility.oauth.clients import Client, ClientId, ClientStore
from superfacility.oauth.scopes import SecurityLevel
from superfacility.services.clients.power import check_end, exceeding
from superfacility.services.clients.rules import own_bounds
from superfacility.services.clients.wishes import checked_keys, checked_name, checked_scopes


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
        strict: bool = False,
        dpop: bool = False,
    ) -> Client:
        """Without `scopes` all of the level, without `lifetime` the longest. `keys` are public JWKs."""
        await self._require_user(user)
        now = self.clock.now()
        client = Client(
            id=ClientId(new_client_id()),
            user=UserName(user),
            name=checked_name(name),
            level=level,
            scopes=checked_scopes(level, scopes),
            ranges=validate_ranges(level, ranges),
            keys=checked_keys(keys),
            created_at=now,
            expires_at=self._expiry(level, lifetime, now),
            comments=comments,
            strict=strict,
            dpop=dpop,
        )
        check_proof(client)
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
        strict: bool | None = None,
        dpop: bool | None = None,
    ) -> Client:
        """What is None stays. Clients that it has made and that can do more than it can now are revoked. One that is
        given keys here is in the operator's hands."""
        old = await self.get(client_id)
        new = replace(
            old,
            name=old.name if name is None else checked_name(name),
            ranges=old.ranges if ranges is None else validate_ranges(old.level, ranges),
            scopes=old.scopes if scopes is None else checked_scopes(old.level, scopes),
            keys=old.keys if keys is None else checked_keys(keys),
            holder=old.holder if keys is None else None,
            comments=old.comments if comments is None else comments,
            strict=old.strict if strict is None else strict,
            dpop=old.dpop if dpop is None else dpop,
        )
        check_proof(new)
        for beyond in exceeding(new, await self.clients.clients(user=new.user)):
            await self.revoke(beyond.id, actor=actor)
        await self.clients.save(new, self._audit(actor, "clients.change", client_id, differences(old, new)), old=old)
        return new

    async def renew(self, client_id: str, *, actor: str, lifetime: timedelta | None = None) -> Client:
        """Live on from now for `lifetime`, or as long as the level allows. A revoked client stays revoked."""
        old = await self.get(client_id)
        if old.revoked_at is not None:
            raise Conflict(f"The client {client_id} was revoked: create a new one instead.")
        now = self.clock.now()
        new = replace(old, expires_at=self._expiry(old.level, lifetime, now), renewed_at=now)
        await check_renewal(self.clients, old, new)
        detail = f"until {new.expires_at.isoformat(timespec='seconds')}"
        await self.clients.save(new, self._audit(actor, "clients.renew", client_id, detail), old=old)
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

    def _expiry(self, level: SecurityLevel, lifetime: timedelta | None, now: datetime) -> datetime:
        return own_bounds(self.lifetimes)[level].expiry(level, lifetime, now)

    async def _require_user(self, name: str) -> None:
        user = await self.people.user(UserName(name))
        if user is None:
            raise NotFound(f"There is no user {name!r}: add it first with `sfapi admin user add`.")
        if not user.active:
            raise InvalidInput(f"The user {name} is not active, and so cannot have clients.")

    def _audit(self, actor: str, action: str, client_id: str, detail: str = "") -> AuditEntry:
        return AuditEntry(self.clock.now(), actor, action, client_id, client_id=client_id, detail=detail)


def check_proof(client: Client) -> None:
    """`InvalidInput` for a strict client with a key that says of itself that it signs as strict ones may not."""
    if client.strict and any(key.jwk.get("alg") == "RS256" for key in client.keys):
        raise InvalidInput("A strict client signs with ES256, EdDSA or PS256: give it such a key (--algorithm ES256).")


async def check_renewal(clients: ClientStore, old: Client, new: Client) -> None:
    """`Conflict` for an end that comes sooner, on which clients that it made would not hear, or later than its
    maker's."""
    if new.expires_at < old.expires_at and old.in_force(new.renewed_at or new.created_at):
        raise Conflict(f"The client {old.id} lives longer than that already: to end it sooner, revoke it.")
    check_end(None if old.made_by is None else await clients.client(old.made_by), new)


def differences(old: Client, new: Client) -> str:
    fields = ("name", "ranges", "scopes", "keys", "comments", "strict", "dpop")
    return "changed: " + (", ".join(name for name in fields if getattr(old, name) != getattr(new, name)) or "nothing")
