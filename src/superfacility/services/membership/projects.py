"""What people do in their projects, together as routes receive it."""

from dataclasses import dataclass

from superfacility.services.membership.details import DetailService
from superfacility.services.membership.groups import GroupService
from superfacility.services.membership.invitations import InvitationService
from superfacility.services.membership.joining import JoiningService
from superfacility.services.membership.members import MemberService


@dataclass(frozen=True, slots=True)
class ProjectService:
    """One of each."""

    details: DetailService
    groups: GroupService
    invitations: InvitationService
    joining: JoiningService
    members: MemberService
