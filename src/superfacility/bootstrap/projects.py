"""What people do in their projects."""

from datetime import timedelta

from superfacility.core.clock import Clock
from superfacility.facility.membership.admissions import Admissions
from superfacility.facility.people import People
from superfacility.services.membership.details import DetailService
from superfacility.services.membership.groups import GroupService
from superfacility.services.membership.invitations import InvitationService
from superfacility.services.membership.joining import JoiningService
from superfacility.services.membership.letters import Letters
from superfacility.services.membership.members import MemberService
from superfacility.services.membership.projects import ProjectService
from superfacility.services.membership.standing import Standings
from superfacility.services.notices import Notices
from superfacility.settings import MembershipSettings


def open_projects(
    people: People, admissions: Admissions, notices: Notices, rules: MembershipSettings, clock: Clock
) -> ProjectService:
    standings, letters = Standings(people), Letters(people, notices)
    ports = (people, admissions, standings, letters, clock)
    return ProjectService(
        details=DetailService(admissions, standings, clock),
        groups=GroupService(people, standings, clock),
        invitations=InvitationService(*ports, timedelta(days=rules.invitation_days), rules.invitations_per_day),
        joining=JoiningService(*ports, timedelta(days=rules.request_days), rules.requests_per_day),
        members=MemberService(*ports),
    )
