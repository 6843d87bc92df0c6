"""Logging in at one of the facility's identity providers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import structlog

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import InvalidInput, NotFound
from superfacility.facility.people import People, Role, User, UserName
from superfacility.oauth.identity.providers import Identity, IdentityProvider, IdentityStore, Visit
from superfacility.oauth.logins import LoginSession
from superfacility.services.access.login.errors import BeginAgain, LoginRefused
from superfacility.services.access.login.flows import Away
from superfacility.services.access.login.mapping import ClaimMapping
from superfacility.services.access.login.sessions import LoggedIn
from superfacility.services.doubts import nothing_done
from superfacility.services.membership.names import check_name, check_not_of_machines

CALLBACK_PATH = "/login/callback/{}"
"""Each provider answers at an address of its own, so that none can pass off its answer as another's."""
LOGGED_OUT_PATH = "/logged-out"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as the facility has set it up. `title` is what people know it by."""

    title: str
    port: IdentityProvider
    mapping: ClaimMapping = field(default_factory=ClaimMapping)


@dataclass(frozen=True, slots=True)
class ProviderLogins:
    """`origin` is that of our own pages."""

    providers: Mapping[str, Provider]
    identities: IdentityStore
    people: People
    clock: Clock
    origin: str

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Name and title of each."""
        return [(name, provider.title) for name, provider in self.providers.items()]

    async def begin(self, name: str, target: str) -> tuple[str, Away]:
        """Where the browser goes, and what it must bring back."""
        away = Away(name, target, Visit())
        return await self._provider(name).port.login_url(away.visit, self._callback(name)), away

    async def finish(self, name: str, away: Away, answer: Mapping[str, str]) -> LoggedIn:
        """Who came back; `LoginRefused` in words for them."""
        provider = self._provider(name)
        if away.provider != name:
            raise BeginAgain
        identity = await provider.port.identity(answer, away.visit, self._callback(name))
        with nothing_done("log in again"):
            user = await self._user(name, provider.mapping, identity)
            await self._follow(user, provider.mapping, identity, name)
        return LoggedIn(user.name, name, identity.methods, identity.id_token)

    async def logout_url(self, session: LoginSession) -> str | None:
        """Where the browser logs out of the provider, too."""
        provider = self.providers.get(session.provider)
        if provider is None or session.upstream_id_token is None:
            return None
        return await provider.port.logout_url(session.upstream_id_token, self.origin + LOGGED_OUT_PATH)

    def _provider(self, name: str) -> Provider:
        if name not in self.providers:
            raise NotFound("There is no such identity provider here.")
        return self.providers[name]

    def _callback(self, name: str) -> str:
        return self.origin + CALLBACK_PATH.format(name)

    async def _user(self, provider: str, mapping: ClaimMapping, identity: Identity) -> User:
        """The name may be given to others one day, the subject never: both must be the same person's."""
        name = mapping.user_name(identity.claims)
        owner = await self.identities.owner(provider, identity.subject)
        if owner is None and await self.identities.subjects(provider, name):
            _log.error("an identity with a name that was another's", provider=provider, user=name)
            raise LoginRefused(f"The name {name} belongs to another person here. Tell the facility's staff.")
        if owner is not None and owner != name:
            _log.error("an identity with a new name", provider=provider, user=owner, name=name)
            raise LoginRefused(f"You are known here as {owner}, not as {name}. Tell the facility's staff.")
        user = await self.people.user(name)
        if user is None:
            user = await self._new_user(provider, mapping, name, identity)
        if not user.active:
            raise LoginRefused(f"The user {name} may not use this facility any more. Ask its staff.")
        if owner is None:
            audit = self._audit(name, "login.link_identity", name, f"{provider} {identity.subject}")
            await self.identities.link(provider, identity.subject, name, audit)
        return user

    async def _new_user(self, provider: str, mapping: ClaimMapping, name: UserName, identity: Identity) -> User:
        unknown = f"You have logged in at your identity provider as {name}, but this facility knows no such user."
        if not mapping.create_users:
            raise LoginRefused(f"{unknown} Ask its staff for access.")
        try:
            check_name("user", name)
            check_not_of_machines("user", name)
        except InvalidInput as problem:
            raise LoginRefused(f"{unknown} {problem}") from problem
        user = mapping.new_user(name, identity.claims)
        return await self.people.save_user(user, self._audit(f"provider:{provider}", "people.add_user", name), new=True)

    async def _follow(self, user: User, mapping: ClaimMapping, identity: Identity, provider: str) -> None:
        """What the provider's groups say, where the facility has said that they count."""
        groups, actor = mapping.groups_of(identity.claims), f"provider:{provider}"
        staff = bool(groups & mapping.staff_groups)
        user = await self.people.user(user.name) or user
        if mapping.staff_groups and staff != user.staff:
            audit = self._audit(actor, "people.change_user", user.name, f"staff {staff}")
            await self.people.save_user(replace(user, staff=staff), audit, old=user)
        roles = {each.project.name: each.role for each in await self.people.memberships(user=user.name)}
        member = {project for group, project in mapping.projects.items() if group in groups}
        for project in sorted(set(mapping.projects.values())):
            role = roles.get(project)
            if project in member and role is None and await self.people.project(project) is not None:
                audit = self._audit(actor, "people.set_membership", project, f"{user.name} {Role.USER.value}")
                await self.people.set_membership(project, user.name, Role.USER, audit)
            elif project not in member and role is Role.USER:
                audit = self._audit(actor, "people.set_membership", project, f"{user.name} removed")
                await self.people.set_membership(project, user.name, None, audit)

    def _audit(self, actor: str, action: str, target: str, detail: str = "") -> AuditEntry:
        return AuditEntry(self.clock.now(), actor, action, target, detail=detail)
