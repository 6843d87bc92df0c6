"""`sfapi admin project`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated

from cyclopts import App, Parameter, validators

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.folders import make_folders
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import Allocation, Membership, Project, ProjectName, Role
from superfacility.services.access.applications import Actor
from superfacility.settings import Settings

app = App(name="project", help="Projects and their members.", help_format="plaintext")
member = App(name="member", help="Members of a project and their roles.")
app.command(member)
_SHARED = Shared()
Amount = Parameter(validator=validators.Number(gte=0, lte=2**62))
Hours = Annotated[float | None, Amount, Parameter(help="Node hours given; 0: none.")]
Unlimited = Annotated[bool, Parameter(negative=(), help="In place of hours: those that are not given have no limit.")]
Bytes = Annotated[int | None, Amount, Parameter(help="Bytes of storage given; unset: without limit.")]
Description = Annotated[str | None, Parameter(help="What it is about.")]


async def _row(desk: Desk, project: Project) -> Row:
    hours = await desk.allocations.balances([project.name], None)
    return {
        "name": project.name,
        "id": project.id,
        "description": project.description,
        "cpu_hours": hours[project.name, HoursKind.CPU].given,
        "gpu_hours": hours[project.name, HoursKind.GPU].given,
        "project_bytes": project.allocation.project_bytes,
        "archive_bytes": project.allocation.archive_bytes,
        "active": project.active,
    }


def _check_limits(desk: Desk, given: Mapping[HoursKind, float | None], *, unlimited: bool) -> None:
    """Hours without limit are given in so many words. Those of a kind that nothing is charged to do not matter."""
    charged = _charged(desk.settings)
    left_out = [kind for kind, hours in given.items() if hours is None and kind in charged]
    if left_out and not unlimited:
        options = " and ".join(f"--{kind}-hours N" for kind in left_out)
        raise InvalidInput(f"Give {options} (0 for none), or say --unlimited for hours without limit.")
    if unlimited and None not in given.values():
        raise InvalidInput("Give --cpu-hours and --gpu-hours, or say --unlimited, not both.")


def _charged(settings: Settings) -> set[str]:
    """The kinds of hours that jobs are charged to here."""
    systems = [system.charging for system in settings.systems.values()]
    of_types = {each.hours for system in systems for each in system.node_types.values()}
    return of_types.union(each.hours for each in systems) or {HoursKind.CPU}


async def _set_hours(desk: Desk, project: ProjectName, cpu: float | None, gpu: float | None) -> None:
    for kind, hours in ((HoursKind.CPU, cpu), (HoursKind.GPU, gpu)):
        if hours is not None:
            await desk.allocations.set_hours(Actor(desk.operator), project, kind, hours)


def _member_row(membership: Membership) -> Row:
    return {"project": membership.project.name, "user": membership.user, "role": membership.role.value}


@app.command
async def add(
    name: str,
    /,
    *,
    description: Annotated[str, Parameter(help="What it is about.")] = "",
    cpu_hours: Hours = None,
    gpu_hours: Hours = None,
    unlimited: Unlimited = False,
    project_bytes: Bytes = None,
    archive_bytes: Bytes = None,
    shared: Shared = _SHARED,
) -> None:
    """Add a project and make its folders on local filesystems. Storage that is not given is without limit."""
    async with open_desk(shared) as desk:
        _check_limits(desk, {HoursKind.CPU: cpu_hours, HoursKind.GPU: gpu_hours}, unlimited=unlimited)
        project = Project(0, ProjectName(name), description, Allocation(project_bytes, archive_bytes))
        saved = await desk.people.add_project(project, desk.operator)
        await _set_hours(desk, saved.name, cpu_hours, gpu_hours)
        make_folders(desk.settings, project=saved.name)
        done(f"Added project {saved.name}.", await _row(desk, saved), as_json=shared.json)


@app.command(name="list")
async def list_projects(*, shared: Shared = _SHARED) -> None:
    """List projects."""
    async with open_desk(shared) as desk:
        show_rows([await _row(desk, each) for each in await desk.people.projects()], as_json=shared.json)


@app.command
async def show(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a project with its members and the node hours it has used."""
    async with open_desk(shared) as desk:
        project = await desk.people.project(name)
        members = await desk.people.memberships(project=name)
        usage = await desk.stores.ledger.usage(projects=[project.name])
        record = {
            **await _row(desk, project),
            "members": [f"{each.user} ({each.role})" for each in members],
            "node_hours_used": sum(each.node_hours for each in usage),
        }
        show_record(record, as_json=shared.json)


@app.command
async def change(
    name: str,
    /,
    *,
    description: Description = None,
    cpu_hours: Annotated[float | None, Amount, Parameter(help="Node hours of the allocation of today.")] = None,
    gpu_hours: Annotated[float | None, Amount, Parameter(help="The same on GPU nodes.")] = None,
    project_bytes: Annotated[int | None, Amount, Parameter(help="Bytes of project storage given.")] = None,
    archive_bytes: Annotated[int | None, Amount, Parameter(help="Bytes of the archive given.")] = None,
    active: Annotated[bool | None, Parameter(help="Open or close it.")] = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest."""
    amounts = {"project_bytes": project_bytes, "archive_bytes": archive_bytes}
    given = {key: value for key, value in amounts.items() if value is not None}
    async with open_desk(shared) as desk:
        project = await desk.people.project(name)
        saved = await desk.people.change_project(
            name,
            desk.operator,
            description=description,
            allocation=replace(project.allocation, **given),
            active=active,
        )
        await _set_hours(desk, saved.name, cpu_hours, gpu_hours)
        done(f"Changed project {saved.name}.", await _row(desk, saved), as_json=shared.json)


@app.command
async def remove(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Close a project: it stays on record as inactive, and no file is touched."""
    async with open_desk(shared) as desk:
        saved = await desk.people.remove_project(name, desk.operator)
        done(f"Project {name} is inactive now.", await _row(desk, saved), as_json=shared.json)


@member.command(name="add")
async def add_member(
    project: str,
    user: str,
    /,
    *,
    role: Annotated[Role, Parameter(help="What the member may do.")] = Role.USER,
    shared: Shared = _SHARED,
) -> None:
    """Add a member, or change a member's role."""
    async with open_desk(shared) as desk:
        await desk.people.set_membership(project, user, role, desk.operator)
        row = {"project": project, "user": user, "role": role.value}
        done(f"{user} is {role} in {project} now.", row, as_json=shared.json)


@member.command(name="list")
async def list_members(project: str, /, *, shared: Shared = _SHARED) -> None:
    """List the members of a project."""
    async with open_desk(shared) as desk:
        found = await desk.people.project(project)
        members = await desk.people.memberships(project=found.name)
        show_rows([_member_row(each) for each in members], as_json=shared.json)


@member.command(name="remove")
async def remove_member(project: str, user: str, /, *, shared: Shared = _SHARED) -> None:
    """Take a member out of a project."""
    async with open_desk(shared) as desk:
        await desk.people.set_membership(project, user, None, desk.operator)
        row = {"project": project, "user": user, "role": None}
        done(f"{user} is no member of {project} any more.", row, as_json=shared.json)
