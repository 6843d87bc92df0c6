"""What the operator decides about a user whom the directory does not say for certain: the same person, or another."""

import dataclasses
from dataclasses import dataclass, replace

from superfacility.core.clock import Clock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.errors import Conflict, NotFound
from superfacility.facility.membership.directory import (
    DirectoryLink,
    DirectoryMirror,
    DirectoryUser,
    MirrorStep,
    PeopleDirectory,
)
from superfacility.facility.people import User, UserName
from superfacility.oauth.clients import ClientStore
from superfacility.services.access.grants import GrantService
from superfacility.services.clients import ClientService
from superfacility.services.directory.sync import Owners
from superfacility.services.directory.verdicts import Verdict, copy_of, entry


@dataclass(frozen=True, slots=True)
class DirectoryDecisions:
    """`actor` is who decides, for the audit."""

    directory: PeopleDirectory
    mirror: DirectoryMirror
    clients: ClientStore
    client_service: ClientService
    grants: GrantService
    clock: Clock

    async def adopt(self, name: str, actor: str) -> User:
        """Whoever has that name in the directory is the same person as here, and keeps everything. Who was made
        inactive by the directory is active again; who was by the operator is not."""
        found, step = await self._step(UserName(name))
        assert step.before is not None
        away = step.link.away
        active = found.active and (step.before.active or away)
        link = DirectoryLink(found.id, away=not active and (away or step.before.active))
        audit = entry(self.clock.now(), "adopt_user", found.name, f"number {found.uid}, entry {found.id}", actor)
        user = replace(step.user, active=active)
        await self.mirror.apply([replace(step, user=user, link=link, audit=audit)])
        return user

    async def replace(self, name: str, actor: str) -> User:
        """Another person has that name now: the former one's clients, grants, sessions and memberships end first."""
        found, step = await self._step(UserName(name))
        assert step.before is not None
        now = self.clock.now()
        if step.before.active:
            stopped = replace(step.before, active=False)
            why = entry(now, "deactivate_user", found.name, "is another person now", actor)
            away = replace(step.link, away=True)
            await self.mirror.apply([MirrorStep(stopped, step.before, away, why)])
            step = replace(step, before=stopped)
        held = await self.clients.clients(holder=found.name)
        for client in (*await self.clients.clients(user=found.name), *held):
            await self.client_service.revoke(client.id, actor=actor)
        await self.grants.end_all(found.name, actor, "")
        await self._revoke_applications(found.name, actor)
        audit = entry(now, "replace_user", found.name, f"number {found.uid}, entry {found.id}", actor)
        user = replace(step.user, middle_name="", other_phones="", staff=False, active=found.active)
        link = DirectoryLink(found.id, away=not found.active)
        await self.mirror.apply([replace(step, user=user, link=link, audit=audit, anew=True)])
        return user

    async def _revoke_applications(self, owner: UserName, actor: str) -> None:
        """But for those of projects, which have other people to look after them."""
        store, now = self.grants.known.store, self.clock.now()
        for each in await store.applications(owner=owner):
            if each.project is None and each.revoked_at is None:
                audit = AuditEntry(now, actor, "applications.revoke", each.id)
                await store.save(dataclasses.replace(each, revoked_at=now), audit)

    async def _step(self, name: UserName) -> tuple[DirectoryUser, MirrorStep]:
        """The entry, and what would make the user its copy; `link` is as it is now, if there is one."""
        found, everybody = await self.directory.user(name), await self.mirror.everybody()
        here = everybody.get(name)
        if found is None or here is None:
            where = "in the directory" if found is None else "here"
            raise NotFound(f"There is no user {name} {where}: the name must be in both.")
        step = MirrorStep(
            user=replace(copy_of(found, here.user, None), active=True),
            before=here.user,
            link=here.link or DirectoryLink(found.id),
            audit=entry(self.clock.now(), "adopt_user", name, ""),
        )
        checked = Owners.of(everybody).check(Verdict(step), found)
        if checked.refusal is not None:
            raise Conflict(checked.refusal.why)
        return found, step
