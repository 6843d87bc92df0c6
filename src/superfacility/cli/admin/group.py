"""`sfapi admin group`."""

from typing import Annotated

from cyclopts import App, Parameter

from superfacility.cli.admin.desk import open_desk
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.people import Group

app = App(name="group", help="Groups of a project.", help_format="plaintext")
_SHARED = Shared()
Members = Annotated[tuple[str, ...], Parameter(negative=(), help="Login name; may be given several times.")]


def _row(group: Group) -> Row:
    return {
        "name": group.name,
        "gid": group.gid,
        "project": group.project,
        "members": [member.name for member in group.members],
    }


@app.command
async def add(name: str, /, *, project: str, member: Members = (), shared: Shared = _SHARED) -> None:
    """Add a group to a project. Names have at most 8 characters."""
    async with open_desk(shared) as desk:
        group = await desk.people.create_group(name, project, member, desk.operator)
        done(f"Added group {name} (gid {group.gid}).", _row(group), as_json=shared.json)


@app.command(name="list")
async def list_groups(*, shared: Shared = _SHARED) -> None:
    """List groups."""
    async with open_desk(shared) as desk:
        show_rows([_row(each) for each in await desk.people.groups()], as_json=shared.json)


@app.command
async def show(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a group with its members."""
    async with open_desk(shared) as desk:
        show_record(_row(await desk.people.group(name)), as_json=shared.json)


@app.command
async def change(name: str, /, *, add: Members = (), remove: Members = (), shared: Shared = _SHARED) -> None:
    """Add and remove members."""
    async with open_desk(shared) as desk:
        group = await desk.people.change_members(name, desk.operator, add=add, remove=remove)
        done(f"Changed group {name}.", _row(group), as_json=shared.json)


@app.command
async def remove(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Remove a group. Its number is not given to another."""
    async with open_desk(shared) as desk:
        group = await desk.people.group(name)
        await desk.people.remove_group(name, desk.operator)
        done(f"Removed group {name}.", _row(group), as_json=shared.json)
