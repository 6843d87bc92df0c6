"""`/account/projects/NAME` and what belongs to it: members, invitations, requests to join."""

from superfacility.client.records.projects import Invitation, JoinRequest, ProjectDetails, ProjectMember
from superfacility.client.records.reading import rows
from superfacility.client.wire.session import Ask, Session, given, part


class ProjectCalls:
    def __init__(self, session: Session) -> None:
        self.session = session

    async def project(self, name: str) -> ProjectDetails:
        """What it is, your role in it, and what you may do."""
        return ProjectDetails.of(await self.session.json(Ask("GET", _path(name))))

    async def change_project(self, /, name: str, **changes: str | None) -> ProjectDetails:
        """`title`, `description`, `organisation`, `about`; what is left out stays."""
        return ProjectDetails.of(await self.session.json(Ask("PATCH", _path(name), json=given(**changes))))

    async def members(self, project: str) -> tuple[ProjectMember, ...]:
        return tuple(map(ProjectMember.of, rows(await self.session.json(Ask("GET", f"{_path(project)}/members")))))

    async def add_member(self, project: str, user: str, *, role: str = "user") -> ProjectMember:
        """A user of the facility, at once."""
        ask = Ask("POST", f"{_path(project)}/members", json={"user": user, "role": role})
        return ProjectMember.of(await self.session.json(ask))

    async def change_member(
        self, project: str, user: str, *, role: str | None = None, continuing: bool | None = None
    ) -> ProjectMember:
        """What is None stays."""
        content = given(role=role, continuing=continuing)
        return ProjectMember.of(await self.session.json(Ask("PATCH", _member(project, user), json=content)))

    async def remove_member(self, project: str, user: str) -> None:
        """Or leave, by your own name."""
        await (await self.session.reply(Ask("DELETE", _member(project, user)))).close()

    async def invite(
        self,
        project: str,
        *,
        user: str | None = None,
        email: str | None = None,
        role: str = "user",
        days: float | None = None,
    ) -> Invitation:
        """The only answer with the token."""
        content = given(user=user, email=email, role=role, days=days)
        return Invitation.of(await self.session.json(Ask("POST", f"{_path(project)}/invitations", json=content)))

    async def invitations(self, project: str | None = None) -> tuple[Invitation, ...]:
        """Open ones to you, or all of a project."""
        path = "account/invitations" if project is None else f"{_path(project)}/invitations"
        return tuple(map(Invitation.of, rows(await self.session.json(Ask("GET", path)))))

    async def withdraw_invitation(self, project: str, invitation_id: str) -> Invitation:
        path = f"{_path(project)}/invitations/{part(invitation_id)}"
        return Invitation.of(await self.session.json(Ask("DELETE", path)))

    async def accept_invitation(self, invitation_id: str | None = None, *, token: str | None = None) -> Invitation:
        """By its id if it is addressed to you, or by its token."""
        content = given(id=invitation_id, token=token)
        return Invitation.of(await self.session.json(Ask("POST", "account/invitations/accept", json=content)))

    async def decline_invitation(self, invitation_id: str | None = None, *, token: str | None = None) -> Invitation:
        content = given(id=invitation_id, token=token)
        return Invitation.of(await self.session.json(Ask("POST", "account/invitations/decline", json=content)))

    async def join_project(self, project: str, message: str = "") -> JoinRequest:
        """Ask its PI. Whether it exists you are not told."""
        ask = Ask("POST", f"{_path(project)}/requests", json={"message": message})
        return JoinRequest.of(await self.session.json(ask))

    async def join_requests(self, project: str | None = None) -> tuple[JoinRequest, ...]:
        """Yours, or all to a project."""
        path = "account/join_requests" if project is None else f"{_path(project)}/requests"
        return tuple(map(JoinRequest.of, rows(await self.session.json(Ask("GET", path)))))

    async def decide_join_request(self, project: str, request_id: str, *, accept: bool) -> JoinRequest:
        ask = Ask("POST", f"{_path(project)}/requests/{part(request_id)}", json={"accept": accept})
        return JoinRequest.of(await self.session.json(ask))

    async def withdraw_join_request(self, request_id: str) -> JoinRequest:
        """One of yours."""
        return JoinRequest.of(await self.session.json(Ask("DELETE", f"account/join_requests/{part(request_id)}")))


def _path(project: str) -> str:
    return f"account/projects/{part(project)}"


def _member(project: str, user: str) -> str:
    return f"{_path(project)}/members/{part(user)}"
