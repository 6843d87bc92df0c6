"""All applications that there are: those that are registered, and the command line that comes along with us."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from superfacility.facility.people import People
from superfacility.oauth.applications import Application, ApplicationStore, Approval, Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import SecurityLevel, scopes_of

COMMAND_LINE_ID = ClientId("sfapi-cli")
COMMAND_LINE = Application(
    id=COMMAND_LINE_ID,
    name="the sfapi command line",
    owner=None,
    project=None,
    level=SecurityLevel.RED,
    scopes=scopes_of(SecurityLevel.RED),
    redirect_uris=("http://127.0.0.1/callback", "http://[::1]/callback"),
    logout_uris=(),
    keys=(),
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
    approval=Approval.APPROVED,
    device=True,
)
"""What `sfapi login` is, in every installation that does not switch it off."""


@dataclass(frozen=True, slots=True)
class KnownApplications:
    """Looks applications and grants up."""

    store: ApplicationStore
    people: People
    built_in: Mapping[ClientId, Application] = field(default_factory=lambda: {COMMAND_LINE_ID: COMMAND_LINE})

    async def application(self, application_id: ClientId) -> Application | None:
        """Also if pending, refused or revoked."""
        return self.built_in.get(application_id) or await self.store.application(application_id)

    async def grant(self, grant_id: GrantId) -> Grant | None:
        return await self.store.grant(grant_id)

    async def in_force(self, application_id: str) -> Application | None:
        """One that people may log in to now: its owner has not left, or it belongs to a project."""
        found = await self.application(ClientId(application_id))
        if found is None or not found.in_force:
            return None
        if found.owner is None or found.project is not None:
            return found
        owner = await self.people.user(found.owner)
        return found if owner is not None and owner.active else None
