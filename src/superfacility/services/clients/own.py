"""Clients that people and their programs make and keep by themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_client_id
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, NotPermitted
from superfacility.facility.people import ProjectName, User
from superfacility.oauth.addresses import is_within, validate_ranges
from superfacility.oauth.clients import Client, ClientId, ClientKey, ClientStore
from superfacility.oauth.principal import Principal
from superfacility.services.access.applications import Actor
from superfacility.services.clients.collaborations import Collaborations
from superfacility.services.clients.offers import LevelOffer, offers
from superfacility.services.clients.power import (
    Maker,
    check_power,
    check_reach,
    exceeding,
    maker_of,
    require_person,
)
from superfacility.services.clients.registry import check_proof, check_renewal, differences
from superfacility.services.clients.rules import Bounds, ClientRules
from superfacility.services.clients.wishes import (
    MAX_KEYS,
    Wish,
    checked_key,
    checked_name,
    checked_scopes,
    checked_text,
    looked_up,
)
from superfacility.services.notices import Notices

LONGEST_OVERLAP = timedelta(days=7)
ASK_STAFF = "What goes further is asked of staff: POST /account/client_requests, or `sfapi clients request`."


@dataclass(frozen=True, slots=True)
class OwnClients:
    """Others' clients are as unknown as those that do not exist; staff see all. A client keeps its level for life."""

    store: ClientStore
    collaborations: Collaborations
    notices: Notices
    clock: Clock
    rules: ClientRules

    async def levels(self) -> Sequence[LevelOffer]:
        """What each level may do, from the least power to the most."""
        return offers(self.rules)

    async def networks(self) -> Mapping[str, tuple[str, ...]]:
        """The facility's own, by name."""
        return self.rules.networks

    async def list(self, principal: Principal, user: str | None = None) -> Sequence[Client]:
        """Of the caller or an account that they manage, newest first, also expired and revoked ones."""
        owner = await self.collaborations.acting_as(principal.user, user)
        found = await self.store.clients(user=owner.name)
        return [each for each in found if principal.project in (None, each.project)]

    async def get(self, principal: Principal, client_id: str) -> Client:
        found = await self.store.client(ClientId(client_id))
        if found is None or not await self._knows(principal, found):
            raise NotFound(f"You have no client {client_id!r}; GET /account/clients lists yours.")
        return found

    async def create(self, principal: Principal, wish: Wish) -> Client:
        maker = await maker_of(principal, self.store)
        owner = await self.collaborations.acting_as(principal.user, wish.user)
        client = maker.own(await self._bounded(maker, wish, owner))
        check_power(maker, client)
        detail = f"{client.level.label} for {client.user} from {', '.join(client.ranges)}"
        audit = principal.audit(client.created_at, "clients.create", client.id, detail)
        await self.store.save(client, audit, new=True, at_most=self.rules.per_user, old=maker.client)
        await self._tell(principal, client, "was made")
        return client

    async def _bounded(self, maker: Maker, wish: Wish, owner: User) -> Client:
        bounds, now = self.rules.own[wish.level], self.clock.now()
        if maker.client is not None:
            wish = _inherited(wish, maker.client, min(bounds.lifetime, maker.client.expires_at - now))
        try:
            return await self.drafted(wish, owner, bounds, maker.principal.address, now)
        except InvalidInput as problem:
            try:
                await self.drafted(wish, owner, self.rules.reviewed[wish.level], maker.principal.address, now)
            except InvalidInput:
                raise problem from None
            raise InvalidInput(f"{problem} {ASK_STAFF}") from None

    async def drafted(self, wish: Wish, owner: User, bounds: Bounds, address: str, now: datetime) -> Client:
        """The client that a wish becomes; `InvalidInput` where it goes beyond the bounds."""
        client = Client(
            id=ClientId(new_client_id()),
            user=owner.name,
            name=checked_name(wish.name),
            level=wish.level,
            scopes=checked_scopes(wish.level, wish.scopes, bound=wish.project is not None),
            ranges=validate_ranges(wish.level, looked_up(wish.ranges, self.rules.networks, address), bounds.ranges),
            keys=(checked_key(wish.key),),
            created_at=now,
            expires_at=bounds.expiry(wish.level, wish.lifetime, now),
            comments=checked_text(wish.comments, "A comment"),
            project=await self.checked_project(owner, wish.project),
            globus=wish.globus,
            strict=bool(wish.strict),
            dpop=bool(wish.dpop),
        )
        check_proof(client)
        return client

    async def checked_project(self, owner: User, name: str | None) -> ProjectName | None:
        """One that a client of the user may be bound to."""
        if name is None:
            return None
        memberships = await self.collaborations.people.memberships(user=owner.name)
        if not any(each.project.name == name and each.project.active for each in memberships):
            raise NotFound(f"{owner.name} has no project named {name!r}; GET /account/projects lists yours.")
        return ProjectName(name)

    async def change(
        self,
        principal: Principal,
        client_id: str,
        *,
        name: str | None = None,
        ranges: Iterable[str] | None = None,
        scopes: Iterable[str] | None = None,
        comments: str | None = None,
    ) -> Client:
        """What is None stays. Clients that it has made and that can do more than it can now are revoked."""
        maker, old = await self._living(principal, client_id)
        new = replace(
            old,
            name=old.name if name is None else checked_name(name),
            ranges=old.ranges if ranges is None else self._ranges(old, ranges, principal.address),
            scopes=old.scopes if scopes is None else checked_scopes(old.level, scopes, bound=old.project is not None),
            comments=old.comments if comments is None else checked_text(comments, "A comment"),
        )
        check_power(maker, new)
        if old.made_by is not None and new.scopes - old.scopes:
            raise Conflict(f"This client was made by {old.made_by} and gets no more than that: create a new one.")
        if old.made_by is not None and not all(is_within(each, old.ranges) for each in new.ranges):
            raise Conflict(f"This client was made by {old.made_by} and may go nowhere else: create a new one.")
        await self._end_exceeding(principal, new)
        audit = principal.audit(self.clock.now(), "clients.change", old.id, differences(old, new))
        await self.store.save(new, audit, old=old)
        await self._end_exceeding(principal, new)  # those that it has made meanwhile
        if new.ranges != old.ranges or new.scopes - old.scopes:
            await self._tell(principal, new, "may now do other things than before")
        return new

    async def _end_exceeding(self, principal: Principal, changed: Client) -> None:
        for beyond in exceeding(changed, await self.store.clients(user=changed.user)):
            await self._end(principal, beyond, f"made by {changed.id}, which can do less now")

    def _ranges(self, old: Client, wanted: Iterable[str], address: str) -> tuple[str, ...]:
        """Fewer or narrower ones than it has are always right, however it came to have them."""
        given = looked_up(wanted, self.rules.networks, address)
        normal = validate_ranges(old.level, given, self.rules.reviewed[old.level].ranges)
        if len(normal) <= len(old.ranges) and all(is_within(each, old.ranges) for each in normal):
            return normal
        return validate_ranges(old.level, given, self.rules.own[old.level].ranges)

    async def renew(self, principal: Principal, client_id: str, lifetime: timedelta | None = None) -> Client:
        """Live on from now, for as long as it could be made for now."""
        maker, old = await self._living(principal, client_id)
        now, bounds = self.clock.now(), self.rules.own[old.level]
        try:
            bounds.ranges.check(old.level.label, old.ranges)
        except InvalidInput:
            raise NotPermitted(f"Staff have given this client more than can be renewed. {ASK_STAFF}") from None
        end = bounds.expiry(old.level, lifetime, now)
        if lifetime is None and end < old.expires_at:
            raise Conflict(f"This client lives longer already than it could be renewed for. {ASK_STAFF}")
        new = replace(old, expires_at=end, renewed_at=now)
        check_power(maker, new)
        await check_renewal(self.store, old, new)
        detail = f"until {new.expires_at.isoformat(timespec='seconds')}"
        audit = principal.audit(now, "clients.renew", old.id, detail)
        await self.store.save(new, audit, at_most=self.rules.per_user, old=old)
        return new

    async def rotate(
        self, principal: Principal, client_id: str, key: Mapping[str, Any] | str, overlap: timedelta = timedelta()
    ) -> Client:
        """Another key. Those that it has had are good for the `overlap`, or not at all any more. Whoever has a key has
        all that the client has, so a token of fewer scopes gives none. Who gives a client of an account that several
        manage another key is its holder from then on, and what the holder before had (keys, tokens) ends."""
        maker, old = await self._living(principal, client_id)
        check_power(maker, old)
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise InvalidInput(f"The old key may be good for up to {LONGEST_OVERLAP.days} days more, not longer.")
        fresh, now = checked_key(key), self.clock.now()
        if any(each.jwk == fresh.jwk for each in old.keys):
            raise InvalidInput("This is a key that the client has or has had: make a new pair.")
        until = now + overlap
        ending = [ClientKey(each.jwk, min(each.until or until, until)) for each in old.keys_at(now)]
        if (holder := maker.holder_of(old)) != old.holder and overlap:
            raise InvalidInput(f"Who takes a client over from {old.holder or old.user} leaves them no old key.")
        new = replace(old, keys=(fresh, *(ending if overlap else []))[:MAX_KEYS], holder=holder)
        check_proof(new)
        audit = principal.audit(now, "clients.rotate", old.id, f"old key until {until.isoformat()}")
        await self.store.save(new, audit, old=old)
        await self._tell(principal, new, "has another key")
        return new

    async def revoke(self, principal: Principal, client_id: str) -> Client:
        """At once and for good, with those that it has made. Revoking twice changes nothing."""
        client = await self.get(principal, client_id)
        if await self._manages(principal.user, client):
            check_reach(await maker_of(principal, self.store), client)
        else:
            require_person(principal, "Revoking others' clients")
        if client.revoked_at is None:
            await self._end(principal, client)
        return await self.get(principal, client_id)

    async def _end(self, principal: Principal, client: Client, detail: str = "") -> None:
        audit = principal.audit(self.clock.now(), "clients.revoke", client.id, detail)
        await self.store.revoke(client.id, audit.at, audit)

    async def _living(self, principal: Principal, client_id: str) -> tuple[Maker, Client]:
        """A client that the caller may change. Staff may not just because they see it: its key would be theirs."""
        client = await self.get(principal, client_id)
        if not await self._manages(principal.user, client):
            raise NotPermitted(f"This is {client.user}'s client: you may look at it and revoke it, not change it.")
        maker = await maker_of(principal, self.store)
        check_reach(maker, client)
        if client.revoked_at is not None:
            raise Conflict(f"The client {client.id} was revoked: create a new one instead.")
        return maker, client

    async def _knows(self, principal: Principal, client: Client) -> bool:
        if principal.project not in (None, client.project):
            return False
        return Actor.of(principal).staff or await self._manages(principal.user, client)

    async def _manages(self, user: User, client: Client) -> bool:
        return client.user == user.name or user.name in await self.collaborations.managers(client.user)

    async def _tell(self, principal: Principal, client: Client, what: str) -> None:
        """Whoever's power it is hears of it: they may not have done it themselves."""
        text = (
            f"The client {client.name} ({client.id}, {client.level.label}, acts as {client.user}) {what}, "
            f"by {principal.user.name} from the address {principal.address}.\n\n"
            f"If that is not as it should be, revoke it:\n\n    sfapi clients revoke {client.id}\n"
        )
        await self.notices.tell(self._concerned(client), f"Your client {client.name}", text)

    async def _concerned(self, client: Client) -> Sequence[str]:
        return [client.user, *await self.collaborations.managers(client.user)]


def _inherited(wish: Wish, maker: Client, left: timedelta) -> Wish:
    """What is left open, as the program has it that makes the client."""
    return replace(
        wish,
        lifetime=wish.lifetime or left,
        project=wish.project or maker.project,
        strict=maker.strict if wish.strict is None else wish.strict,
        dpop=maker.dpop if wish.dpop is None else wish.dpop,
    )
