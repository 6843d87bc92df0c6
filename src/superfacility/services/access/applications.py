"""Registering applications that people log in to, and saying which of them may."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from superfacility.core.clock import Clock
from superfacility.core.identifiers import new_client_id
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, InvalidInput, NotFound, NotPermitted, TooMany
from superfacility.facility.membership.permissions import MANAGE_PROJECT, may
from superfacility.facility.people import People, ProjectName, User, UserName
from superfacility.oauth.applications import Application, ApplicationStore, Approval, check_name_free
from superfacility.oauth.assertions import Profile
from superfacility.oauth.client_keys import public_jwk
from superfacility.oauth.clients import ClientId, ClientKey
from superfacility.oauth.principal import Principal
from superfacility.oauth.provider.redirects import checked_redirect_uri
from superfacility.oauth.scopes import SCOPE_NAMES, SCOPES, Scope, SecurityLevel, scopes_of
from superfacility.services.access.provider.known import COMMAND_LINE, COMMAND_LINE_ID
from superfacility.services.notices import Notices

MAX_NAME_LENGTH = 60
MAX_URIS = 10
MAX_KEYS = 5
MAX_OWNED = 50
MOST_A_DAY = 20
"""Staff get a mail of those that wait for them, also of those that are revoked at once."""


@dataclass(frozen=True, slots=True)
class Wish:
    """An application as somebody wants it. `scopes` None: all of the level. `keys` are public JWKs; none: public."""

    name: str
    level: SecurityLevel
    redirect_uris: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    project: str | None = None
    logout_uris: tuple[str, ...] = ()
    keys: tuple[Mapping[str, Any], ...] = ()
    homepage: str = ""
    profile: Profile = Profile.COMPAT
    device: bool = False
    dpop: bool = False
    resource_server: bool = False


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does it, for the audit and for what they may. An operator at the command line has no `user`."""

    name: str
    user: User | None = None
    address: str | None = None
    client_id: str | None = None
    guest: bool = False
    """Through an application of somebody else, which may act in the person's name but not in the facility's."""
    project: ProjectName | None = None
    """The one project that its client is bound to."""
    program: bool = False
    """By a client's key, which can be stolen; nobody has logged in."""

    @classmethod
    def of(cls, principal: Principal) -> "Actor":
        guest = principal.grant is not None and principal.client_id != COMMAND_LINE_ID
        return cls(
            principal.user.name,
            principal.user,
            principal.address,
            principal.client_id,
            guest,
            principal.project,
            program=principal.grant is None,
        )

    def audit(self, at: datetime, action: str, target: str, detail: str = "") -> AuditEntry:
        return AuditEntry(at, self.name, action, target, self.client_id, self.address, detail)

    @property
    def staff(self) -> bool:
        return self.user is None or (self.user.staff and not self.guest)


@dataclass(frozen=True, slots=True)
class ApplicationService:
    """An application above `approval_above` waits for staff, and again after each change. It keeps its level for life.
    Others' are as unknown as those that do not exist. Only people who have logged in change one: what
    a program changed (where its people are sent, say) would stay so after its key, or its login, has ended."""

    store: ApplicationStore
    people: People
    notices: Notices
    clock: Clock
    approval_above: SecurityLevel | None = SecurityLevel.YELLOW
    """None: all wait."""

    async def add(self, wish: Wish, owner: str, actor: Actor, *, approved: bool = False) -> Application:
        """`approved`: an operator says so at once."""
        _require_person(actor)
        project = await self._checked_project(wish.project, actor)
        if actor.user is not None and wish.resource_server and not actor.staff:
            raise NotPermitted("Resource servers are registered by the facility's staff.")
        await self._check_room(owner, actor)
        needs = self._waits(wish.level) and not approved
        application = _checked(
            Application(
                id=ClientId(new_client_id()),
                name=wish.name,
                owner=UserName(owner),
                project=project,
                level=wish.level,
                scopes=_checked_scopes(wish.level, wish.scopes),
                redirect_uris=wish.redirect_uris,
                logout_uris=wish.logout_uris,
                keys=_checked_keys(wish.keys),
                created_at=self.clock.now(),
                approval=Approval.PENDING if needs else Approval.APPROVED,
                homepage=wish.homepage,
                profile=wish.profile,
                device=wish.device,
                dpop=wish.dpop,
                resource_server=wish.resource_server,
            )
        )
        await self.store.save(application, self._audit(actor, "applications.add", application), new=True)
        await self._announce(application)
        return application

    async def _check_room(self, owner: str, actor: Actor) -> None:
        found = await self.store.applications()
        if sum(each.owner == owner and each.revoked_at is None for each in found) >= MAX_OWNED:
            raise Conflict(f"{owner} has {MAX_OWNED} applications: revoke some first.")
        yesterday = self.clock.now() - timedelta(days=1)
        if (
            actor.user is not None
            and sum(each.owner == owner and each.created_at > yesterday for each in found) >= MOST_A_DAY
        ):
            raise TooMany(f"{MOST_A_DAY} applications a day are enough: go on tomorrow.", retry_after=3600)

    async def all(self) -> Sequence[Application]:
        """For operators."""
        return await self.store.applications()

    async def visible(self, actor: Actor) -> Sequence[Application]:
        """Those that somebody may change, newest first; staff see all."""
        managed = await self._managed(actor)
        return [each for each in await self.store.applications() if _may_see(each, actor, managed)]

    async def get(self, application_id: str, actor: Actor) -> Application:
        found = await self.store.application(ClientId(application_id))
        if found is None or not _may_see(found, actor, await self._managed(actor)):
            raise NotFound(f"There is no application {application_id!r} of yours.")
        return found

    async def change(self, application_id: str, actor: Actor, **changes: Any) -> Application:
        """Fields of `Wish` but `level` and `project`; what is None stays. Staff change none of others: they would
        approve what they have written themselves."""
        old = await self._living(application_id, actor)
        if actor.user is not None and not _is_of(old, actor.user, await self._managed(actor)):
            raise NotPermitted("This is another's application: you may look at it, approve and revoke it.")
        given = {name: value for name, value in changes.items() if value is not None}
        if "scopes" in given:
            given["scopes"] = _checked_scopes(old.level, given["scopes"])
        if "keys" in given:
            given["keys"] = _checked_keys(given["keys"])
        new = _checked(replace(old, **given))
        if new.public != old.public:
            raise InvalidInput("A public application stays public, and a confidential one keeps a key: register anew.")
        if self._waits(old.level) and actor.user is not None:
            new = replace(new, approval=Approval.PENDING)
        await self.store.save(new, self._audit(actor, "applications.change", new, " ".join(sorted(given))), old=old)
        if new.approval is not old.approval:
            await self._announce(new)
        await self._tell_owner(actor, new, f"{', '.join(sorted(given))} changed")
        return new

    async def revoke(self, application_id: str, actor: Actor) -> Application:
        """For good, with all that people have allowed it. Revoking twice changes nothing."""
        old = await self.get(application_id, actor)
        _require_person(actor)
        if old.revoked_at is not None:
            return old
        new = replace(old, revoked_at=self.clock.now())
        await self.store.save(new, self._audit(actor, "applications.revoke", new))
        await self._tell_owner(actor, new, "revoked")
        return new

    async def decide(self, application_id: str, actor: Actor, *, approve: bool, seen: str | None = None) -> Application:
        """For staff, and never about their own. Who approves says by its fingerprint what they have looked at: it may
        have changed since."""
        if not actor.staff:
            raise NotPermitted("Applications are approved by the facility's staff.")
        old = await self._living(application_id, actor)
        if actor.user is not None and _is_of(old, actor.user, await self._managed(actor)):
            raise NotPermitted("Somebody else of the staff must look at your own application.")
        if approve and seen != old.fingerprint:
            raise Conflict(
                f"{old.name} is not what you have looked at, or you have not said what: look at it, and approve it by "
                "the fingerprint that you see."
            )
        new = replace(old, approval=Approval.APPROVED if approve else Approval.REFUSED)
        action = "applications.approve" if approve else "applications.refuse"
        await self.store.save(new, self._audit(actor, action, new), old=old)
        said = "may be used now" if approve else "was refused: ask the facility's staff why"
        await self.notices.tell([new.owner or ""], f"Your application {new.name}", f"{new.name} ({new.id}) {said}.\n")
        return new

    def _waits(self, level: SecurityLevel) -> bool:
        return self.approval_above is None or level > self.approval_above

    async def _living(self, application_id: str, actor: Actor) -> Application:
        found = await self.get(application_id, actor)
        _require_person(actor)
        if found.revoked_at is not None:
            raise Conflict(f"The application {found.name} was revoked: register a new one.")
        return found

    async def _managed(self, actor: Actor) -> set[str]:
        if actor.user is None:
            return set()
        memberships = await self.people.memberships(user=actor.user.name)
        return {each.project.name for each in memberships if each.project.active and may(each.role, MANAGE_PROJECT)}

    async def _checked_project(self, name: str | None, actor: Actor) -> ProjectName | None:
        if name is None:
            return None
        if actor.user is not None and not actor.staff and name not in await self._managed(actor):
            raise NotPermitted(f"An application of a project is registered by who manages it, and {name} is not yours.")
        return ProjectName(name)

    async def _announce(self, application: Application) -> None:
        if application.approval is Approval.PENDING:
            subject = f"The application {application.name} waits for you"
            text = (
                f"{application.owner} has registered the application {application.name} ({application.id}), level "
                f"{application.level.label}. Nobody can log in to it before you say so:\n\n"
                f"    sfapi applications show {application.id}\n"
                f"    sfapi applications approve {application.id} --seen FINGERPRINT\n"
            )
            await self.notices.tell_staff(subject, text)

    async def _tell_owner(self, actor: Actor, application: Application, what: str) -> None:
        """They may not have done it themselves."""
        text = (
            f"{application.name} ({application.id}): {what}, by {actor.name} from the address "
            f"{actor.address or 'of this server'}.\n\nIf that is not as it should be, tell the facility's staff.\n"
        )
        await self.notices.tell([application.owner or ""], f"Your application {application.name}", text)

    def _audit(self, actor: Actor, action: str, application: Application, detail: str = "") -> AuditEntry:
        text = f"{application.name} ({application.level.label}) {detail}".strip()
        return actor.audit(self.clock.now(), action, application.id, text)


def _require_person(actor: Actor) -> None:
    if actor.guest or actor.program:
        raise NotPermitted("Programs may not register or change applications: do it yourself, after `sfapi login`.")


def _may_see(application: Application, actor: Actor, managed: Iterable[str]) -> bool:
    if actor.project not in (None, application.project):
        return False
    return actor.staff or (actor.user is not None and _is_of(application, actor.user, managed))


def _is_of(application: Application, user: User, managed: Iterable[str]) -> bool:
    """A project's application is in the hands of who manages the project now, whoever has registered it."""
    return application.owner == user.name if application.project is None else application.project in managed


def _checked(application: Application) -> Application:
    """As it may be kept; `InvalidInput` says what is wrong."""
    name = " ".join(application.name.split())
    if not 0 < len(name) <= MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInput(f"The name has 1 to {MAX_NAME_LENGTH} printable characters.")
    check_name_free(replace(application, name=name), [(COMMAND_LINE.id, COMMAND_LINE.name)])
    homepage = application.homepage
    if homepage and (not homepage.startswith("https://") or not homepage.isprintable() or len(homepage) > 200):
        raise InvalidInput("The homepage begins with https:// and has at most 200 characters.")
    if not application.redirect_uris and not application.device and not application.resource_server:
        raise InvalidInput("An application needs a redirect URI, or the device flow, else nobody can log in to it.")
    if application.strict and application.public:
        raise InvalidInput("The profile strict is for confidential applications: give a public key.")
    return replace(
        application,
        name=name,
        redirect_uris=_checked_uris(application.redirect_uris, public=application.public),
        logout_uris=_checked_uris(application.logout_uris, public=application.public),
    )


def _checked_uris(uris: Iterable[str], *, public: bool) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(uris))
    if len(found) > MAX_URIS:
        raise InvalidInput(f"An application has at most {MAX_URIS} redirect URIs.")
    return tuple(checked_redirect_uri(uri, public=public) for uri in found)


def _checked_scopes(level: SecurityLevel, names: Iterable[str] | None) -> frozenset[Scope]:
    if names is None:
        return scopes_of(level)
    found = set()
    for name in names:
        scope = SCOPE_NAMES.get(name)
        if scope is None:
            raise InvalidInput(f"There is no scope {name!r}.")
        if SCOPES[scope].level > level:
            raise InvalidInput(f"The scope {name} needs the level {SCOPES[scope].level.label}.")
        found.add(scope)
    return frozenset(found)


def _checked_keys(keys: Iterable[Mapping[str, Any]]) -> tuple[ClientKey, ...]:
    found = tuple(ClientKey(public_jwk(key)) for key in keys)
    if len(found) > MAX_KEYS:
        raise InvalidInput(f"An application has at most {MAX_KEYS} keys.")
    return found
