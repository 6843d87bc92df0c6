"""Mails about projects: to who it is about, and to the PIs. A courtesy, as all notices are."""

from dataclasses import dataclass

from superfacility.facility.membership.admissions import Invitation, JoinRequest
from superfacility.facility.membership.permissions import Permission, may
from superfacility.facility.people import People, Project, ProjectName, Role, UserName
from superfacility.services.notices import Notices


@dataclass(frozen=True, slots=True)
class Letters:
    """What happened to whom, and by whom. Nobody hears of what they did themselves."""

    people: People
    notices: Notices

    async def invited(self, invitation: Invitation, token: str) -> None:
        project = invitation.project
        subject = f"Invitation to the project {project}"
        text = (
            f"{invitation.invited_by} invites you to the project {project}, with the role {invitation.role}, until "
            f"{invitation.expires_at:%Y-%m-%d}. Log in, and accept or decline:\n\n"
            f"    sfapi projects accept --token {token}\n"
            f"    sfapi projects decline --token {token}\n\n"
            "Whoever has this token can use it, once: keep it to yourself. If you know nothing of this, forget it.\n"
        )
        if invitation.email is not None:
            self.notices.tell_address(invitation.email, subject, text)
        elif invitation.user is not None:
            await self.notices.tell([invitation.user], subject, text)

    async def declined(self, invitation: Invitation, by: UserName) -> None:
        text = f"{by} has declined the invitation of {invitation.invited} to {invitation.project}.\n"
        await self.notices.tell([invitation.invited_by], f"An invitation to {invitation.project} was declined", text)

    async def asked(self, request: JoinRequest) -> None:
        heads = self._with(request.project, Permission.ACCEPT_USERS)
        text = (
            f"{request.user} asks to join the project {request.project}. Look, and decide:\n\n"
            f"    sfapi projects requests {request.project}\n"
        )
        await self.notices.tell(heads, f"{request.user} asks to join {request.project}", text)

    async def refused(self, request: JoinRequest) -> None:
        text = f"Your request to join the project {request.project} was declined.\n"
        await self.notices.tell([request.user], f"Your request to join {request.project}", text)

    async def joined(self, project: Project, user: UserName, role: Role, by: UserName) -> None:
        await self._tell(project, user, by, f"{user} is {role} of the project {project.name} now")

    async def changed(self, project: Project, user: UserName, role: Role, by: UserName) -> None:
        await self._tell(project, user, by, f"{user} has the role {role} in the project {project.name} now")

    async def left(self, project: Project, user: UserName, by: UserName) -> None:
        await self._tell(project, user, by, f"{user} is no member of the project {project.name} any more")

    async def _tell(self, project: Project, user: UserName, by: UserName, fact: str) -> None:
        await self.notices.tell(self._listeners(project, user, by), fact, f"{fact}, by {by}.\n")

    async def _listeners(self, project: Project, user: UserName, by: UserName) -> list[UserName]:
        heads = await self._with(project.name, Permission.CHANGE_ROLES)
        return [each for each in (user, *heads) if each != by]

    async def _with(self, project: ProjectName, permission: Permission) -> list[UserName]:
        found = await self.people.memberships(project=project)
        return [each.user for each in found if may(each.role, permission)]
