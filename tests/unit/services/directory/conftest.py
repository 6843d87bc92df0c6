"""A directory, the copy of it, and a clock."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from superfacility.facility.audit import AuditEntry
from superfacility.facility.membership.directory import DirectoryUser, Mirrored
from superfacility.facility.people import Project, ProjectName, Role, User, UserName
from superfacility.services.directory.contact import NoContact
from superfacility.services.directory.freshness import FreshUsers
from superfacility.services.directory.sync import DirectorySync, SyncReport
from superfacility.services.directory.verdicts import Rules
from superfacility.testing.clocks import FakeClock
from superfacility.testing.directories.memory import MemoryDirectory
from superfacility.testing.stores import Memory, MemoryDirectoryMirror, MemoryPeople


@dataclass
class Site:
    """The site's people, and ours."""

    directory: MemoryDirectory = field(default_factory=MemoryDirectory)
    memory: Memory = field(default_factory=Memory)
    clock: FakeClock = field(default_factory=FakeClock)
    contact: NoContact = field(default_factory=NoContact)
    rules: Rules = field(default_factory=Rules)

    @property
    def people(self) -> MemoryPeople:
        return MemoryPeople(self.memory)

    @property
    def mirror(self) -> MemoryDirectoryMirror:
        return MemoryDirectoryMirror(self.memory)

    @property
    def sync(self) -> DirectorySync:
        return DirectorySync(self.directory, self.mirror, self.people, self.contact, self.clock, self.rules)

    def fresh(self, **limits: Any) -> FreshUsers:
        return FreshUsers(self.people, self.directory, self.mirror, self.contact, self.clock, self.rules, **limits)

    def put(self, name: str, uid: int, *groups: str, key: str = "", **more: Any) -> DirectoryUser:
        user = DirectoryUser(key or f"entry-{uid}", uid, UserName(name), **more)
        self.directory.put(user, *groups)
        return user

    def change(self, name: str, **changes: Any) -> None:
        self.directory.people[UserName(name)] = replace(self.directory.people[UserName(name)], **changes)

    def here(self, name: str) -> Mirrored:
        return self.mirror._mirrored(UserName(name))

    async def follow(self, *, force: bool = False) -> SyncReport:
        return await self.sync.apply(await self.sync.plan(), force=force)

    async def add_user(self, name: str, uid: int, **more: Any) -> User:
        return await self.people.save_user(User(uid, UserName(name), **more), self.audit(), new=True)

    async def change_user(self, name: str, **changes: Any) -> None:
        user = await self.people.user(UserName(name))
        assert user is not None
        await self.people.save_user(replace(user, **changes), self.audit())

    async def add_project(self, name: str) -> None:
        await self.people.save_project(Project(0, ProjectName(name)), self.audit(), new=True)

    async def set_role(self, project: str, name: str, role: Role) -> None:
        await self.people.set_membership(ProjectName(project), UserName(name), role, self.audit())

    def audit(self) -> AuditEntry:
        return AuditEntry(self.clock.now(), "operator:test", "test", "test")


@pytest.fixture
def site() -> Site:
    return Site()
