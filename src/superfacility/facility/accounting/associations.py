"""Who may charge jobs to which account, in the book that a scheduler keeps of its own.

An account there has the name of a project here. Other people write in that book, too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from superfacility.facility.errors import Unsupported


@dataclass(frozen=True, slots=True)
class BookedAccount:
    """An account with its users. `ours`: we have made it, so who is in it is nobody else's concern."""

    name: str
    ours: bool = False
    users: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Book:
    """One system's accounts by name; `defaults` are what users' jobs are charged to unless they say another."""

    accounts: Mapping[str, BookedAccount] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)


class StepKind(StrEnum):
    """What a step does."""

    ADD_ACCOUNT = "add account"
    ADD_USERS = "add users"
    SET_DEFAULT = "set default"
    REMOVE_USERS = "remove users"


@dataclass(frozen=True, slots=True)
class AssociationStep:
    """One change of the book: an account, users to or from it, or the account that those users' jobs are charged to."""

    kind: StepKind
    account: str
    users: tuple[str, ...] = ()

    def __str__(self) -> str:
        return " ".join((f"{self.kind} {self.account}:", *self.users)).removesuffix(":")

    def each(self) -> Sequence["AssociationStep"]:
        """The same, user by user."""
        return [AssociationStep(self.kind, self.account, (user,)) for user in self.users] or [self]


class AssociationBook(Protocol):
    """One system's book. `Unavailable` while it cannot be asked, `Unsupported` where there is none."""

    async def read(self) -> Book:
        """All of it, never a part."""

    async def apply(self, step: AssociationStep) -> None:
        """What is so already is no error. `Refused` in the scheduler's own words, of which some users may have been
        changed; `Doubtful` if it may or may not have happened."""


@dataclass(frozen=True, slots=True)
class NoBook:
    """Of a system whose scheduler keeps no accounts; `why` says so."""

    why: str

    async def read(self) -> Book:
        raise Unsupported(self.why)

    async def apply(self, step: AssociationStep) -> None:
        raise Unsupported(self.why)
