"""A project with one member of each role, and a second project with a PI of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from superfacility.facility.people import Project, ProjectName, Role, User, UserName

PROJECT, OTHER = ProjectName("m0001"), ProjectName("m0002")
OF_ROLE: Mapping[Role, UserName] = {
    Role.PI: UserName("demo1"),
    Role.PI_PROXY: UserName("proxy"),
    Role.RESOURCE_MANAGER: UserName("resources"),
    Role.MEMBERSHIP_MANAGER: UserName("people"),
    Role.USER: UserName("user"),
}
STRANGER = UserName("demo2")
"""The PI of the other project."""
NEWCOMER = UserName("newcomer")
"""In no project."""


class Mailbox:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.mails: list[tuple[str, str, str]] = []

    async def send(self, recipient: str, subject: str, text: str) -> None:
        self.mails.append((recipient, subject, text))


@dataclass
class Team:
    """How people of the project call, who have logged in."""

    site: Any
    mailbox: Mailbox

    async def call(self, method: str, path: str, who: str, json: Any = None) -> httpx.Response:
        found: httpx.Response = await self.site.call(method, f"/account{path}", f"orange:{who}:login", json=json)
        return found

    async def made(self, method: str, path: str, who: str, json: Any = None) -> Any:
        answer = await self.call(method, path, who, json)
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    async def roles(self, project: str = PROJECT) -> dict[str, str]:
        found = await self.site.people.memberships(project=ProjectName(project))
        return {each.user: each.role.value for each in found}

    async def mails(self) -> list[tuple[str, str]]:
        """Whom and what about; they are taken out of the box."""
        await self.site.services.notices.settle()
        found, self.mailbox.mails = self.mailbox.mails, []
        return [(recipient, subject) for recipient, subject, _ in found]

    def audited(self) -> list[tuple[str, str, str]]:
        """Actor, action and target of what was done since the team was made."""
        return [
            (each.actor, each.action, each.target) for each in self.site.memory.audit if each.action != "test.change"
        ]


@pytest.fixture
async def team(site: Any) -> Team:
    audit = site.audit()
    mailbox = Mailbox()
    site.services.notices.mail = mailbox
    await site.people.save_project(Project(0, OTHER), audit, new=True)
    for role, name in OF_ROLE.items():
        if role is not Role.PI:
            await site.people.save_user(User(0, name, email=f"{name}@example.org"), audit, new=True)
        await site.people.set_membership(PROJECT, name, role, audit)
    await site.people.save_user(User(1001, UserName("demo1"), email="demo1@example.org"), audit)
    await site.people.save_user(User(0, NEWCOMER, email="New.Comer@example.org"), audit, new=True)
    for name in ("other", "asking"):
        await site.people.save_user(User(0, UserName(name)), audit, new=True)
    await site.people.set_membership(OTHER, STRANGER, Role.PI, audit)
    site.memory.audit.clear()
    return Team(site, mailbox)
