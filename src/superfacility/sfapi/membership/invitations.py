"""Invitations: those of a project, and yours."""

from typing import Annotated

from fastapi import APIRouter

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.membership.schemas import (
    ClaimForm,
    InvitationForm,
    InvitationRecord,
    NewInvitation,
    ReceivedInvitation,
)

router = APIRouter(prefix="/account", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
Writer = Annotated[Principal, requires(Scope.MEMBERS_WRITE)]


@router.get("/projects/{repo_name}/invitations", summary="Whom a project has invited")
async def invitations(repo_name: str, principal: Reader, use_cases: UseCases) -> list[InvitationRecord]:
    """Newest first. Needs the permission `invite_users`."""
    return [InvitationRecord.of(each) for each in await use_cases.projects.invitations.of(principal, repo_name)]


@router.post("/projects/{repo_name}/invitations", status_code=201, summary="Invite somebody")
@answered_once
async def invite(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[InvitationForm, strict_body(InvitationForm)]
) -> NewInvitation:
    """Needs the permission `invite_users`. A mail leaves where it can, and the answer has the token, once."""
    found, token = await use_cases.projects.invitations.invite(
        principal, repo_name, body.invitee(), body.role, body.lifetime()
    )
    return NewInvitation.made(found, token)


@router.delete("/projects/{repo_name}/invitations/{invitation_id}", summary="Withdraw an invitation")
async def withdraw_invitation(
    repo_name: str, invitation_id: str, principal: Writer, use_cases: UseCases
) -> InvitationRecord:
    """Needs the permission `invite_users`."""
    return InvitationRecord.of(await use_cases.projects.invitations.withdraw(principal, repo_name, invitation_id))


@router.get("/invitations", summary="Invitations to you")
async def received_invitations(principal: Reader, use_cases: UseCases) -> list[ReceivedInvitation]:
    """Open ones, addressed to your user name or to the mail address that the facility has of you."""
    return [ReceivedInvitation.to_you(each) for each in await use_cases.projects.invitations.mine(principal)]


@router.post("/invitations/accept", summary="Accept an invitation")
@answered_once
async def accept_invitation(
    principal: Writer, use_cases: UseCases, body: Annotated[ClaimForm, strict_body(ClaimForm)]
) -> ReceivedInvitation:
    """You are a member then. Works once, and while who invited you may still invite."""
    return ReceivedInvitation.to_you(await use_cases.projects.invitations.accept(principal, body.claim()))


@router.post("/invitations/decline", summary="Decline an invitation")
@answered_once
async def decline_invitation(
    principal: Writer, use_cases: UseCases, body: Annotated[ClaimForm, strict_body(ClaimForm)]
) -> InvitationRecord:
    """Who has invited you is told."""
    return InvitationRecord.of(await use_cases.projects.invitations.decline(principal, body.claim()))
