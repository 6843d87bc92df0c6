"""`/account`: who you are, your projects and their balance, roles, groups and clients."""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from superfacility.core.pagination import Page
from superfacility.facility.errors import InvalidInput, Refused, Unsupported
from superfacility.http.bodies import form_body
from superfacility.http.context import UseCases
from superfacility.http.idempotency import answered_once
from superfacility.http.rows import UNCHANGED, made, rows_response
from superfacility.http.security import requires
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import Scope
from superfacility.sfapi.account.schemas import (
    PROJECT_JOBS,
    ClientRecord,
    GroupForm,
    GroupInfo,
    GroupList,
    MemberAction,
    MembersForm,
    ProjectJobs,
    ProjectStats,
    RoleRecord,
    UserInfo,
)

router = APIRouter(prefix="/account", tags=["account"])

Reader = Annotated[Principal, requires(Scope.ACCOUNT_READ)]
JobReader = Annotated[Principal, requires(Scope.PROJECT_JOBS_READ)]
GroupWriter = Annotated[Principal, requires(Scope.GROUPS_WRITE)]


@router.get("", summary="Who you are, or who somebody is")
async def user(
    principal: Reader,
    use_cases: UseCases,
    username: Annotated[str | None, Query(description="Another user's name; yours if left out.")] = None,
) -> UserInfo:
    """The user that the calling client acts as."""
    return UserInfo.of(await use_cases.account.user(principal, username))


@router.get("/projects", summary="Your projects and what is left of them")
async def projects(principal: Reader, use_cases: UseCases) -> list[ProjectStats]:
    """Node hours given and used, and storage."""
    return [ProjectStats.of(each) for each in await use_cases.account.balances(principal)]


@router.get(
    "/projects/{repo_name}/jobs", response_model=ProjectJobs, responses=UNCHANGED, summary="The jobs of a project"
)
async def project_jobs(
    request: Request,
    repo_name: str,
    principal: JobReader,
    use_cases: UseCases,
    index: Annotated[int, Query(ge=0, description="The first row.")] = 0,
    limit: Annotated[int | None, Query(ge=0, description="How many rows; all if left out.")] = None,
    kwargs: Annotated[
        list[str], Query(description="Filters `name=value`, as in the job list.", examples=[["starttime=now-2days"]])
    ] = [],  # noqa: B006 - FastAPI copies it
) -> Response | ProjectJobs:
    """Accounting of all members' jobs on all systems, for members of the project."""
    try:
        jobs = await use_cases.account.project_jobs(principal, repo_name, kwargs)
    except (InvalidInput, Refused, Unsupported) as error:
        return ProjectJobs(status="ERROR", output=[], error=str(error))
    shown = Page(index, limit).of(jobs)
    headers = {"cache-control": "no-cache, private"}
    return await rows_response(request, shown, PROJECT_JOBS, headers, lambda _, make: made(shown, make))


@router.get("/roles", summary="Your role in each project")
async def roles(principal: Reader, use_cases: UseCases) -> list[RoleRecord]:
    """What each may do is in the reference of roles."""
    return [RoleRecord.of(each) for each in await use_cases.account.roles(principal)]


@router.get("/groups", summary="Your groups")
async def groups(principal: Reader, use_cases: UseCases) -> GroupList:
    """With all members."""
    return GroupList(groups=[GroupInfo.of(each) for each in await use_cases.projects.groups.mine(principal)])


@router.post("/groups", summary="Create a group")
@answered_once
async def create_group(
    principal: GroupWriter, use_cases: UseCases, body: Annotated[GroupForm, form_body(GroupForm)]
) -> GroupInfo:
    """You become its first member. Needs the permission `create_groups` in the project."""
    return GroupInfo.of(await use_cases.projects.groups.create(principal, body.name, body.repo_name))


@router.get("/groups/{group}", summary="A group")
async def group(group: str, principal: Reader, use_cases: UseCases) -> GroupInfo:
    """For its members and those of its project."""
    return GroupInfo.of(await use_cases.projects.groups.get(principal, group))


@router.put("/groups/{group}", summary="Add or remove members of a group")
async def change_group(
    group: str, principal: GroupWriter, use_cases: UseCases, body: Annotated[MembersForm, form_body(MembersForm)]
) -> GroupInfo:
    """All or none; adding a member again or removing a stranger is no error. Answers the group as it then is.

    Needs the permission `edit_members` in its project.
    """
    adding = body.action is MemberAction.BATCH_ADD
    changed = await use_cases.projects.groups.change_members(
        principal, group, add=body.names() if adding else (), remove=() if adding else body.names()
    )
    return GroupInfo.of(changed)


@router.delete("/groups/{group}", summary="Delete a group")
async def delete_group(group: str, principal: GroupWriter, use_cases: UseCases) -> GroupInfo:
    """Needs the permission `create_groups` in its project. Answers the group as it was."""
    return GroupInfo.of(await use_cases.projects.groups.delete(principal, group))


@router.get("/clients", summary="Your registered programs")
async def clients(principal: Reader, use_cases: UseCases) -> list[ClientRecord]:
    """Those that work now, and when they expire."""
    return [ClientRecord.of(each) for each in await use_cases.account.clients(principal)]
