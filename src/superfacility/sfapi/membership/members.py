"""A project from inside, and its members."""

from typing import Annotated

from fastapi import APIRouter

from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.security import requires
from superfacility.http.strict_bodies import strict_body
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.membership.schemas import (
    FormerMember,
    MemberChangeForm,
    MemberForm,
    MemberRecord,
    ProjectForm,
    ProjectRecord,
    QuotaForm,
)

router = APIRouter(prefix="/account/projects/{repo_name}", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
Writer = Annotated[Principal, requires(Scope.MEMBERS_WRITE)]


@router.get("", summary="A project, and what you may do in it")
async def project(repo_name: str, principal: Reader, use_cases: UseCases) -> ProjectRecord:
    """For its members; staff see all."""
    return ProjectRecord.of(await use_cases.projects.details.of(principal, repo_name))


@router.patch("", summary="Change what a project tells of itself")
async def change_project(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[ProjectForm, strict_body(ProjectForm)]
) -> ProjectRecord:
    """Needs the permission `edit_details`, and for the organisation `edit_organisation`."""
    return ProjectRecord.of(await use_cases.projects.details.change(principal, repo_name, body.texts()))


@router.patch("/quotas", summary="Set the storage that a project is given")
async def set_quotas(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[QuotaForm, strict_body(QuotaForm)]
) -> ProjectRecord:
    """For the facility's staff."""
    return ProjectRecord.of(await use_cases.projects.details.set_quotas(principal, repo_name, body.quotas()))


@router.get("/members", summary="The members of a project and their roles")
async def members(repo_name: str, principal: Reader, use_cases: UseCases) -> list[MemberRecord]:
    """For its members."""
    return [MemberRecord.of(each) for each in await use_cases.projects.members.of(principal, repo_name)]


@router.post("/members", status_code=201, summary="Add a member")
@answered_once
async def add_member(
    repo_name: str, principal: Writer, use_cases: UseCases, body: Annotated[MemberForm, strict_body(MemberForm)]
) -> MemberRecord:
    """A user of the facility, at once. Needs the permission `edit_members`, and `change_roles` for more than `user`."""
    return MemberRecord.of(await use_cases.projects.members.add(principal, repo_name, body.user, body.role))


@router.patch("/members/{user}", summary="Change a member's role, or mark them as continuing")
async def change_member(
    repo_name: str,
    user: str,
    principal: Writer,
    use_cases: UseCases,
    body: Annotated[MemberChangeForm, strict_body(MemberChangeForm)],
) -> MemberRecord:
    """Needs `change_roles` for the one and `mark_continuing` for the other. The last PI stays PI."""
    found = await use_cases.projects.members.change(
        principal, repo_name, user, role=body.role, continuing=body.continuing
    )
    return MemberRecord.of(found)


@router.delete("/members/{user}", summary="Remove a member, or leave")
async def remove_member(repo_name: str, user: str, principal: Writer, use_cases: UseCases) -> FormerMember:
    """Needs `edit_members` and a higher role than theirs; everybody but the last PI may leave. The project's groups are
    left, too."""
    await use_cases.projects.members.remove(principal, repo_name, user)
    return FormerMember(user=user)
