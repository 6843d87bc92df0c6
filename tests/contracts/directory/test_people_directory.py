"""The suite of PeopleDirectory over memory, and over a real slapd: by TLS, by StartTLS, and page by page."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from superfacility.adapters.ldap import open_directory
from superfacility.core.clock import SystemClock
from superfacility.facility.membership.directory import DirectoryUser, PeopleDirectory
from superfacility.facility.people import UserName
from superfacility.testing.contracts.people_directory import DirectorySite, PeopleDirectoryContract
from superfacility.testing.directories import MemoryDirectory, Slapd
from superfacility.testing.directories.slapd import GROUPS, PEOPLE


@dataclass
class MemorySite:
    """The double itself is changed."""

    directory: MemoryDirectory
    entries: int = 0

    def add(self, name: UserName, number: int, password: str = "") -> None:
        self.entries += 1
        mail = f"{name}@example.org"
        user = DirectoryUser(f"entry-{self.entries}", number, name, name.capitalize(), "Doe", mail)
        self.directory.put(user, password=password)

    def join(self, name: UserName, group: str) -> None:
        self.directory.groups.setdefault(group, set()).add(name)

    def lock(self, name: UserName) -> None:
        found = self.directory.people[name]
        self.directory.put(DirectoryUser(found.id, found.uid, name, active=False))

    def remove(self, name: UserName) -> None:
        self.directory.remove(name)

    def spoil(self, name: UserName) -> None:
        self.directory.flawed.add(name)

    def stop(self) -> None:
        self.directory.down = True


@dataclass
class LdapSite:
    """A server is changed by LDAP's own programs."""

    server: Slapd
    groups: int = 3000

    def add(self, name: UserName, number: int, password: str = "") -> None:
        self.server.add_person(name, number, password=password)

    def join(self, name: UserName, group: str) -> None:
        try:
            self.server.modify(f"dn: cn={group},{GROUPS}\nchangetype: modify\nadd: memberUid\nmemberUid: {name}\n")
        except RuntimeError:
            self.groups += 1
            self.server.add_group(group, self.groups, name)

    def lock(self, name: UserName) -> None:
        self._set(name, "pwdAccountLockedTime", "000001010000Z")

    def remove(self, name: UserName) -> None:
        self.server.delete(f"uid={name},{PEOPLE}")

    def spoil(self, name: UserName) -> None:
        self._set(name, "uidNumber", "99999999999999")

    def stop(self) -> None:
        self.server.stop()

    def _set(self, name: UserName, attribute: str, value: str) -> None:
        change = f"changetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        self.server.modify(f"dn: uid={name},{PEOPLE}\n{change}")


class TestMemoryDirectory(PeopleDirectoryContract):
    @pytest.fixture
    def directory(self) -> MemoryDirectory:
        return MemoryDirectory()

    @pytest.fixture
    def site(self, directory: MemoryDirectory) -> DirectorySite:
        return MemorySite(directory)


class OfSlapd(PeopleDirectoryContract):
    @pytest.fixture
    def site(self, slapd: Slapd) -> DirectorySite:
        if not slapd.is_up():
            slapd.start()
        slapd.empty()
        return LdapSite(slapd)

    @pytest.fixture
    async def directory(self, slapd: Slapd, site: DirectorySite) -> AsyncIterator[PeopleDirectory]:
        directory = open_directory(slapd.options | self.options(slapd), Path, SystemClock())
        yield directory
        await directory.aclose()

    def options(self, slapd: Slapd) -> dict[str, object]:
        return {}


class TestLdapOverTls(OfSlapd):
    pass


class TestLdapOverStartTls(OfSlapd):
    def options(self, slapd: Slapd) -> dict[str, object]:
        return {"urls": [f"ldap://127.0.0.1:{slapd.port}"]}


class TestLdapPageByPage(OfSlapd):
    def options(self, slapd: Slapd) -> dict[str, object]:
        return {"page_size": 1, "connections": 1}
