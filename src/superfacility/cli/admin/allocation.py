"""`sfapi admin allocation`."""

from datetime import date
from typing import Annotated

from cyclopts import App, Parameter, validators

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.output import Row, Shared, done, show_rows
from superfacility.facility.accounting.allocations import HoursAllocation, Share, Standing, WhenExhausted
from superfacility.facility.accounting.charges import HoursKind
from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import ProjectName, UserName
from superfacility.services.access.applications import Actor

app = App(
    name="allocation",
    help="Hours given to projects, shares of members, and what happens when they are used up.",
    help_format="plaintext",
)
_SHARED = Shared()
Kind = Annotated[HoursKind, Parameter(help="Which hours.")]
Hours = Annotated[float | None, Parameter(validator=validators.Number(gte=0, lte=1e12), help="Node hours.")]
Begins = Annotated[str | None, Parameter(help="The first day, YYYY-MM-DD in UTC; unset: without beginning.")]
Ends = Annotated[str | None, Parameter(help="The last day; unset: without end.")]


def _actor(desk: Desk) -> Actor:
    return Actor(desk.operator)


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"{text!r} is no day; write it as 2027-01-31.") from None


def _row(allocation: HoursAllocation) -> Row:
    return {
        "id": allocation.id,
        "project": allocation.project,
        "kind": allocation.kind.value,
        "hours": allocation.hours,
        "begins": None if allocation.begins is None else allocation.begins.isoformat(),
        "ends": None if allocation.ends is None else allocation.ends.isoformat(),
    }


def _standing_row(standing: Standing) -> Row:
    return {**_row(standing.allocation), "used": standing.used, "left": standing.left}


def _share_row(share: Share) -> Row:
    return {
        "project": share.project,
        "user": share.user,
        "kind": share.kind.value,
        "hours": share.hours,
        "percent": share.percent,
    }


@app.command
async def add(
    project: str,
    /,
    *,
    kind: Kind = HoursKind.CPU,
    hours: Hours = None,
    unlimited: Annotated[bool, Parameter(negative=(), help="In place of --hours: without limit.")] = False,
    begins: Begins = None,
    ends: Ends = None,
    shared: Shared = _SHARED,
) -> None:
    """Give a project hours for a time; times of one kind may follow one another, and never overlap."""
    if (hours is None) != unlimited:
        raise InvalidInput("Give --hours, or say --unlimited.")
    async with open_desk(shared) as desk:
        wanted = HoursAllocation(0, ProjectName(project), kind, hours, _day(begins), _day(ends))
        saved = await desk.allocations.allocate(_actor(desk), wanted)
        done(
            f"Allocation {saved.id}: {project} has {kind.value} hours {saved.period}.", _row(saved), as_json=shared.json
        )


@app.command(name="list")
async def list_allocations(project: str, /, *, shared: Shared = _SHARED) -> None:
    """List a project's allocations with what was used of them."""
    async with open_desk(shared) as desk:
        found = await desk.allocations.standings(_actor(desk), project)
        show_rows([_standing_row(each) for each in found], as_json=shared.json)


@app.command
async def change(
    project: str,
    number: int,
    /,
    *,
    hours: Hours = None,
    begins: Begins = None,
    ends: Ends = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest."""
    given = {"hours": hours, "begins": _day(begins), "ends": _day(ends)}
    changes = {name: value for name, value in given.items() if value is not None}
    async with open_desk(shared) as desk:
        saved = await desk.allocations.change(_actor(desk), project, number, changes)
        done(f"Changed allocation {number}.", _row(saved), as_json=shared.json)


@app.command
async def remove(
    project: str,
    number: int,
    /,
    *,
    unlimited: Annotated[bool, Parameter(negative=(), help="Needed for the last one of a kind.")] = False,
    shared: Shared = _SHARED,
) -> None:
    """Take an allocation away. What was used stays in the ledger. Without any, a project's hours have no limit."""
    async with open_desk(shared) as desk:
        removed = await desk.allocations.remove(_actor(desk), project, number, unlimited=unlimited)
        done(f"Removed allocation {number} of {project}.", _row(removed), as_json=shared.json)


@app.command
async def share(
    project: str,
    user: str,
    /,
    *,
    kind: Kind = HoursKind.CPU,
    hours: Annotated[float | None, Parameter(help="The most that the member may use in each period.")] = None,
    percent: Annotated[float | None, Parameter(help="The same in percent of what the project has.")] = None,
    shared: Shared = _SHARED,
) -> None:
    """Bound what a member may use; without hours and percent take the bound away."""
    async with open_desk(shared) as desk:
        wanted = Share(ProjectName(project), kind, UserName(user), hours, percent)
        await desk.allocations.set_share(_actor(desk), wanted)
        done(f"Set the share of {user} in {project}.", _share_row(wanted), as_json=shared.json)


@app.command
async def shares(project: str, /, *, shared: Shared = _SHARED) -> None:
    """List the members whose use is bounded."""
    async with open_desk(shared) as desk:
        found = await desk.allocations.shares(_actor(desk), project)
        show_rows([_share_row(each) for each in found], as_json=shared.json)


@app.command
async def rule(
    project: str,
    when_exhausted: Annotated[WhenExhausted | None, Parameter(help="Unset: as the facility does.")] = None,
    /,
    *,
    shared: Shared = _SHARED,
) -> None:
    """Choose for one project what becomes of submissions when its hours are used up."""
    async with open_desk(shared) as desk:
        await desk.allocations.set_rule(_actor(desk), project, when_exhausted)
        word = "as the facility" if when_exhausted is None else when_exhausted.value
        done(f"When {project} has no hours: {word}.", {"project": project, "when_exhausted": word}, as_json=shared.json)
