"""From what a provider says of a person to a user of the facility."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from superfacility.facility.people import ProjectName, User, UserName
from superfacility.services.access.login.errors import LoginRefused

_MOST_GROUPS = 10_000


@dataclass(frozen=True, slots=True)
class ClaimMapping:
    """Which claims count. `user_suffix` (`@example.org`) must end the user's claim and is taken off.

    `staff_groups` make staff of their members, and nobody else stays staff; empty: the provider says nothing of it.
    `projects` maps groups to projects that their members belong to.
    """

    user: str = "preferred_username"
    user_suffix: str = ""
    groups: str = "groups"
    staff_groups: frozenset[str] = frozenset()
    projects: Mapping[str, ProjectName] = field(default_factory=dict)
    create_users: bool = False

    @property
    def wanted(self) -> tuple[str, ...]:
        """The claims without which nothing can be decided."""
        return (self.user, self.groups) if self.staff_groups or self.projects else (self.user,)

    def user_name(self, claims: Mapping[str, Any]) -> UserName:
        value = claims.get(self.user)
        if not isinstance(value, str) or not value.endswith(self.user_suffix):
            raise LoginRefused("Your identity provider does not say who you are here. Tell the facility's staff.")
        return UserName(value.removesuffix(self.user_suffix))

    def groups_of(self, claims: Mapping[str, Any]) -> frozenset[str]:
        value = claims.get(self.groups, ())
        found = [value] if isinstance(value, str) else value
        return frozenset(each for each in list(found)[:_MOST_GROUPS] if isinstance(each, str))

    def new_user(self, name: UserName, claims: Mapping[str, Any]) -> User:
        """The next free number is chosen for it. An address that the provider calls unverified may be another's, and
        with it their invitations."""
        first, last, email = (_text(claims, key) for key in ("given_name", "family_name", "email"))
        return User(0, name, first, "", last, email if claims.get("email_verified", True) in (True, "true") else "")


def _text(claims: Mapping[str, Any], key: str) -> str:
    value = claims.get(key)
    return value[:255] if isinstance(value, str) and value.isprintable() else ""
