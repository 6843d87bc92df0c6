"""What people have allowed: seeing it, and taking it back."""

from collections.abc import Sequence
from dataclasses import dataclass

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import NotFound
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Application, Grant, GrantId
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.applications import Actor
from superfacility.services.access.provider.known import KnownApplications


@dataclass(frozen=True, slots=True)
class Allowed:
    """A grant in force, and whom it was given to."""

    grant: Grant
    application: Application


@dataclass(frozen=True, slots=True)
class GrantService:
    known: KnownApplications
    clock: Clock

    async def of(self, user: UserName) -> Sequence[Allowed]:
        """In force now, newest first."""
        now = self.clock.now()
        found = []
        for grant in await self.known.store.grants(user=user):
            application = await self.known.application(grant.application)
            if grant.expires_at > now and application is not None and application.in_force:
                found.append(Allowed(grant, application))
        return found

    async def revoke(self, user: UserName, grant_id: str, actor: Actor) -> None:
        """One of the person's own; `NotFound` for everybody else's."""
        grant = await self.known.store.grant(GrantId(grant_id))
        if grant is None or grant.user != user or grant.revoked_at is not None:
            raise NotFound("You have no such grant in force.")
        now = self.clock.now()
        await self.known.store.revoke_grant(grant.id, now, actor.audit(now, "grants.revoke", grant.id))

    async def revoke_all(self, user: UserName, application_id: str, address: str) -> int:
        """Everything that a person has allowed one application; returns how much it was."""
        now, count = self.clock.now(), 0
        for each in await self.of(user):
            if each.application.id == application_id:
                audit = AuditEntry(now, user, "grants.revoke", each.grant.id, each.application.id, address)
                count += await self.known.store.revoke_grant(each.grant.id, now, audit)
        return count

    async def end_session(self, session: LoginSession, address: str) -> None:
        """A browser session ends: what was allowed for its time alone ends with it."""
        now = self.clock.now()
        audit = AuditEntry(now, session.user, "grants.end_session", session.user, address=address)
        await self.known.store.end_session(session.key, now, audit)

    async def end_all(self, user: UserName, actor: str, address: str) -> int:
        """Everything that a person has allowed anybody ends; returns how much it was."""
        now, count = self.clock.now(), 0
        for grant in await self.known.store.grants(user=user):
            if grant.expires_at > now:
                audit = AuditEntry(now, actor, "grants.revoke", grant.id, grant.application, address or None)
                count += await self.known.store.revoke_grant(grant.id, now, audit)
        return count
