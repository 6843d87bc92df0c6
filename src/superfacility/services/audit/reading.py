"""Who may read the audit log: everybody what they have done themselves, staff everything."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from superfacility.facility.audit import AuditEntry, AuditLog, AuditQuery
from superfacility.facility.errors import NotPermitted
from superfacility.oauth.principal import Principal
from superfacility.services.access.applications import Actor
from superfacility.services.clients.power import require_person


@dataclass(frozen=True, slots=True)
class AuditReading:
    """Addresses and clients are in it: applications of others see nothing of it, nor does a client that is bound to one
    project."""

    log: AuditLog

    async def search(
        self, principal: Principal, query: AuditQuery, *, everybodys: bool = False
    ) -> Sequence[AuditEntry]:
        """Newest first. One's own; `everybodys` for staff who have logged in."""
        actor = Actor.of(principal)
        if actor.guest or actor.project is not None:
            raise NotPermitted(
                "What was done is told to people, and to clients of their own that are bound to no project."
            )
        if not everybodys:
            return await self.log.search(replace(query, actor=principal.user.name))
        if not actor.staff:
            raise NotPermitted("Only staff see what others have done.")
        require_person(principal, "Reading what others have done")
        return await self.log.search(query)
