"""Invitations and requests to join as rows."""

from typing import Any

from superfacility.adapters.sql.tables import invitations, join_requests
from superfacility.facility.membership.admissions import Invitation, JoinRequest, Outcome
from superfacility.facility.people import Role


def invitation_row(invitation: Invitation) -> dict[str, Any]:
    row = {column.key: getattr(invitation, column.key) for column in invitations.c}
    return row | {"role": invitation.role.value, "outcome": invitation.outcome.value}


def invitation_of(row: Any) -> Invitation:
    fields = {column.key: getattr(row, column.key) for column in invitations.c}
    return Invitation(**fields | {"role": Role(row.role), "outcome": Outcome(row.outcome)})


def request_row(request: JoinRequest) -> dict[str, Any]:
    row = {column.key: getattr(request, column.key) for column in join_requests.c}
    return row | {"outcome": request.outcome.value}


def request_of(row: Any) -> JoinRequest:
    fields = {column.key: getattr(row, column.key) for column in join_requests.c}
    return JoinRequest(**fields | {"outcome": Outcome(row.outcome)})
