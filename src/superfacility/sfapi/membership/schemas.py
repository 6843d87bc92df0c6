"""Bodies of projects, members, invitations and requests, and how they are made from the domain."""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, Field

from superfacility.facility.membership.admissions import Invitation, JoinRequest
from superfacility.facility.membership.permissions import Permission
from superfacility.facility.people import Role
from superfacility.services.membership.invitations import Claim, Invitee, Received
from superfacility.services.membership.joining import Applicant
from superfacility.services.membership.members import Member
from superfacility.services.membership.standing import Standing

RoleName = Literal["pi", "pi_proxy", "resource_manager", "membership_manager", "user"]
OutcomeName = Literal["open", "accepted", "declined", "withdrawn", "expired"]
WITHOUT_LIMIT = -1
_LARGEST = 2**62


class ProjectRecord(BaseModel):
    """A project of yours, and what you may do in it. What is used of it is in `GET /account/projects`."""

    repo_name: str
    title: str
    description: str
    organisation: str
    about: str = Field(description="What its PI tells members of it.")
    active: bool
    role: RoleName | None = Field(description="Yours; null for staff who are no member.")
    permissions: list[str] = Field(description="What you may do in it.")
    project_bytes: int | None = Field(description="Project storage given; null: without limit.")
    archive_bytes: int | None = Field(description="Of the archive.")

    @classmethod
    def of(cls, standing: Standing) -> "ProjectRecord":
        project = standing.project
        return cls(
            repo_name=project.name,
            title=project.title,
            description=project.description,
            organisation=project.organisation,
            about=project.about,
            active=project.active,
            role=None if standing.role is None else standing.role.value,
            permissions=[each.value for each in Permission if standing.may(each)],
            project_bytes=project.allocation.project_bytes,
            archive_bytes=project.allocation.archive_bytes,
        )


class ProjectForm(BaseModel):
    """What is left out stays; an empty text takes it away."""

    title: str | None = Field(None, examples=["Imaging of membranes"])
    description: str | None = None
    organisation: str | None = Field(None, examples=["Example Institute"])
    about: str | None = Field(None, description="What members should know of it.")

    def texts(self) -> dict[str, str]:
        return self.model_dump(exclude_none=True)


class QuotaForm(BaseModel):
    """What is left out stays."""

    project_bytes: int | None = Field(None, ge=WITHOUT_LIMIT, le=_LARGEST, description="-1: without limit.")
    archive_bytes: int | None = Field(None, ge=WITHOUT_LIMIT, le=_LARGEST, description="-1: without limit.")

    def quotas(self) -> dict[str, int | None]:
        given = self.model_dump(exclude_none=True)
        return {name: None if value == WITHOUT_LIMIT else value for name, value in given.items()}


class MemberRecord(BaseModel):
    """A member of a project."""

    user: str
    first_name: str
    last_name: str
    email: str
    role: RoleName
    continuing: bool = Field(description="Marked to stay for the next allocation year.")

    @classmethod
    def of(cls, member: Member) -> "MemberRecord":
        return cls(
            user=member.user.name,
            first_name=member.user.first_name,
            last_name=member.user.last_name,
            email=member.user.email,
            role=member.membership.role.value,
            continuing=member.membership.continuing,
        )


class MemberForm(BaseModel):
    """A member to add."""

    user: str = Field(description="Name of a user.", examples=["demo2"], max_length=200)
    role: Role = Field(Role.USER, description="At most your own; above `user` if you may change roles.")


class MemberChangeForm(BaseModel):
    """What is left out stays."""

    role: Role | None = None
    continuing: bool | None = None


class FormerMember(BaseModel):
    """Who is no member any more."""

    user: str
    removed: bool = True


class InvitationForm(BaseModel):
    """Either a user or an address."""

    user: str | None = Field(None, description="Name of a user.", max_length=200)
    email: str | None = Field(
        None,
        description="Mail address of somebody, who need not be a user yet.",
        max_length=300,
        examples=["ada@example.org"],
    )
    role: Role = Field(Role.USER, description="At most your own; above `user` if you may change roles.")
    days: float | None = Field(None, gt=0, le=366, description="Until it expires; the facility's usual if left out.")

    def invitee(self) -> Invitee:
        return Invitee(self.user, self.email)

    def lifetime(self) -> timedelta | None:
        return None if self.days is None else timedelta(days=self.days)


class InvitationRecord(BaseModel):
    """An invitation to a project."""

    id: str
    project: str
    role: RoleName
    user: str | None
    email: str | None
    invited_by: str
    created_at: datetime
    expires_at: datetime
    outcome: OutcomeName
    ended_at: datetime | None
    ended_by: str | None

    @classmethod
    def of(cls, invitation: Invitation) -> "InvitationRecord":
        return cls(**_fields(invitation))


class NewInvitation(InvitationRecord):
    """With its token, which is told this once: hand it over where no mail gets through."""

    token: str

    @classmethod
    def made(cls, invitation: Invitation, token: str) -> "NewInvitation":
        return cls(**_fields(invitation), token=token)


class ReceivedInvitation(InvitationRecord):
    """An invitation to you, and what it is to."""

    title: str
    organisation: str

    @classmethod
    def to_you(cls, received: Received) -> "ReceivedInvitation":
        project = received.project
        return cls(**_fields(received.invitation), title=project.title, organisation=project.organisation)


def _fields(invitation: Invitation) -> dict[str, object]:
    names = set(InvitationRecord.model_fields) - {"role", "outcome"}
    plain = {name: getattr(invitation, name) for name in names}
    return {**plain, "role": invitation.role.value, "outcome": invitation.outcome.value}


class ClaimForm(BaseModel):
    """Which invitation: one addressed to you by its id, or any by its token."""

    id: str | None = Field(None, max_length=100)
    token: str | None = Field(None, max_length=200)

    def claim(self) -> Claim:
        return Claim(self.id, self.token)


class JoinForm(BaseModel):
    """Why you want to join, for those who decide."""

    message: str = Field("", max_length=500, examples=["I work with Ada on the beamline."])


class JoinRequestRecord(BaseModel):
    """A request to join a project. It stays open whether that exists or not."""

    id: str
    project: str
    user: str
    message: str
    created_at: datetime
    expires_at: datetime
    outcome: OutcomeName
    ended_at: datetime | None

    @classmethod
    def of(cls, request: JoinRequest) -> "JoinRequestRecord":
        return cls(**_asked(request))


class ApplicantRecord(JoinRequestRecord):
    """A request, and who makes it."""

    first_name: str
    last_name: str
    email: str
    ended_by: str | None

    @classmethod
    def by(cls, applicant: Applicant) -> "ApplicantRecord":
        user = applicant.user
        return cls(
            **_asked(applicant.request),
            first_name=user.first_name,
            last_name=user.last_name,
            email=user.email,
            ended_by=applicant.request.ended_by,
        )


def _asked(request: JoinRequest) -> dict[str, object]:
    names = set(JoinRequestRecord.model_fields) - {"outcome"}
    return {**{name: getattr(request, name) for name in names}, "outcome": request.outcome.value}


class Decision(BaseModel):
    """What the project says."""

    accept: bool
