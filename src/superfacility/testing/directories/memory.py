"""A directory of people in memory."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace

from superfacility.facility.errors import InvalidInput, Unavailable
from superfacility.facility.membership.directory import DirectoryReading, DirectoryUser
from superfacility.facility.people import UserName


@dataclass
class MemoryDirectory:
    """`groups` are members by the group's name. While it is `down` it answers nothing; `asked` counts questions."""

    people: dict[UserName, DirectoryUser] = field(default_factory=dict)
    groups: dict[str, set[UserName]] = field(default_factory=dict)
    passwords: dict[UserName, str] = field(default_factory=dict)
    flawed: set[UserName] = field(default_factory=set)
    down: bool = False
    asked: int = 0

    def put(self, user: DirectoryUser, *groups: str, password: str = "") -> None:
        self.people[user.name] = user
        for group in groups:
            self.groups.setdefault(group, set()).add(user.name)
        if password:
            self.passwords[user.name] = password

    def remove(self, name: UserName) -> None:
        del self.people[name]
        for members in self.groups.values():
            members.discard(name)

    async def user(self, name: UserName, groups: Collection[str] = ()) -> DirectoryUser | None:
        self._answer()
        if name in self.flawed:
            raise InvalidInput(f"The directory's entry of {name} says nothing certain.")
        return self._with_groups(self.people[name], groups) if name in self.people else None

    async def read(self, groups: Collection[str] = ()) -> DirectoryReading:
        self._answer()
        certain = sorted(set(self.people) - self.flawed)
        return DirectoryReading(
            tuple(self._with_groups(self.people[name], groups) for name in certain),
            frozenset(groups) - set(self.groups),
            tuple(f"{name}: it says nothing certain" for name in sorted(self.flawed)),
            frozenset(self.flawed),
        )

    async def check_password(self, name: UserName, password: str) -> bool:
        self._answer()
        found = self.people.get(name)
        return bool(password) and found is not None and found.active and self.passwords.get(name) == password

    async def ping(self) -> str:
        self._answer()
        return "memory"

    async def aclose(self) -> None:
        self.down = True

    def _answer(self) -> None:
        self.asked += 1
        if self.down:
            raise Unavailable("The directory cannot be reached: it is down.")

    def _with_groups(self, user: DirectoryUser, wanted: Collection[str]) -> DirectoryUser:
        mine = {group for group, members in self.groups.items() if user.name in members}
        return replace(user, groups=frozenset(mine) & frozenset(wanted))
