"""Requests to join: those to a project, and yours."""

from typing import Annotated

from fastapi import APIRouter

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.membership.schemas import ApplicantRecord, Decision, JoinForm, JoinRequestRecord

router = APIRouter(prefix="/account", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
Writer = Annotated[Principal, requires(Scope.MEMBERS_WRITE)]


@router.get("/projects/{repo_name}/requests", summary="Who asks to join a project")
async def project_requests(repo_name: str, principal: Reader, use_cases: UseCases) -> list[ApplicantRecord]:
    """Newest first. Needs the permission `accept_users`."""
    return [ApplicantRecord.by(each) for each in await use_cases.projects.joining.of(principal, repo_name)]


@router.post("/projects/{repo_name}/requests", status_code=201, summary="Ask to join a project")
@answered_once
async def ask_to_join(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[JoinForm, strict_body(JoinForm)]
) -> JoinRequestRecord:
    """Its PI and proxies decide. Whether there is such a project you are not told. A few a day."""
    return JoinRequestRecord.of(await use_cases.projects.joining.ask(principal, repo_name, body.message))


@router.post("/projects/{repo_name}/requests/{request_id}", summary="Accept or refuse who asks to join")
@answered_once
async def decide_request(
    repo_name: str,
    request_id: str,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[Decision, strict_body(Decision)],
) -> ApplicantRecord:
    """Needs the permission `accept_users`. Who is accepted is a member with the role `user`."""
    found = await use_cases.projects.joining.decide(principal, repo_name, request_id, accept=body.accept)
    return ApplicantRecord.by(found)


@router.get("/join_requests", summary="Your requests to join projects")
async def join_requests(principal: Reader, use_cases: UseCases) -> list[JoinRequestRecord]:
    """Newest first, also those that are decided."""
    return [JoinRequestRecord.of(each) for each in await use_cases.projects.joining.mine(principal)]


@router.delete("/join_requests/{request_id}", summary="Withdraw a request to join")
async def withdraw_request(request_id: str, principal: Writer, use_cases: UseCases) -> JoinRequestRecord:
    """One of yours that is open."""
    return JoinRequestRecord.of(await use_cases.projects.joining.withdraw(principal, request_id))
