"""`sfapi admin outage`."""

from dataclasses import replace
from datetime import UTC
from typing import Annotated, Literal

from cyclopts import App, Parameter

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.admin.moments import MaybeMoment, Moment, aware
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.errors import NotFound
from superfacility.facility.status import Outage, OutageStatus, ResourceName

app = App(name="outage", help="Downtime, past and planned.", help_format="plaintext")
_SHARED = Shared()
_IMPACTS = {"down": "true", "degraded": "degr", "none": "fals"}
Effect = Literal["down", "degraded", "none"]
Impact = Annotated[Effect, Parameter(help="What it does to the resource while it lasts.")]
MaybeImpact = Annotated[Effect | None, Parameter(help="What it does to the resource while it lasts.")]


def _row(outage: Outage) -> Row:
    return {
        "id": outage.id,
        "resource": outage.resource,
        "status": outage.status.value,
        "start_at": outage.start_at,
        "end_at": outage.end_at,
        "impact": next((name for name, wire in _IMPACTS.items() if wire == outage.impact), outage.impact),
        "description": outage.description,
        "notes": outage.notes,
    }


async def _find(desk: Desk, number: int) -> Outage:
    for outage in await desk.stores.board.outages():
        if outage.id == number:
            return outage
    raise NotFound(f"There is no outage {number}; see: sfapi admin outage list")


@app.command
async def add(
    resource: str,
    /,
    *,
    start: Moment,
    end: MaybeMoment = None,
    description: Annotated[str, Parameter(help="What happens.")] = "Scheduled Maintenance",
    notes: Annotated[str, Parameter(help="More about it.")] = "",
    impact: Impact = "down",
    shared: Shared = _SHARED,
) -> None:
    """Announce an outage of a resource. It is planned, active and completed by the clock."""
    async with open_desk(shared) as desk:
        outage = Outage(
            0, ResourceName(resource), start.astimezone(UTC), aware(end), description, notes, _IMPACTS[impact]
        )
        saved = await desk.status.announce(outage, desk.operator)
        done(f"Announced outage {saved.id} of {resource}.", _row(saved), as_json=shared.json)


@app.command(name="list")
async def list_outages(resource: str | None = None, /, *, shared: Shared = _SHARED) -> None:
    """List outages, of one resource or of all."""
    async with open_desk(shared) as desk:
        view = await desk.status.view()
        rows = [
            _row(each)
            for name, outages in view.outages.items()
            for each in outages
            if resource is None or name == resource
        ]
        show_rows(rows, as_json=shared.json)


@app.command
async def show(number: int, /, *, shared: Shared = _SHARED) -> None:
    """Show an outage."""
    async with open_desk(shared) as desk:
        outage = await _find(desk, number)
        show_record(_row(replace(outage, status=outage.status_at(desk.clock.now()))), as_json=shared.json)


@app.command
async def change(
    number: int,
    /,
    *,
    start: MaybeMoment = None,
    end: MaybeMoment = None,
    description: Annotated[str | None, Parameter(help="What happens.")] = None,
    notes: Annotated[str | None, Parameter(help="More about it.")] = None,
    impact: MaybeImpact = None,
    status: Annotated[OutageStatus | None, Parameter(help="What is known of it beyond the clock.")] = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest: extend, complete or cancel with --status."""
    async with open_desk(shared) as desk:
        outage = await _find(desk, number)
        changed = replace(
            outage,
            start_at=aware(start) or outage.start_at,
            end_at=aware(end) or outage.end_at,
            description=outage.description if description is None else description,
            notes=outage.notes if notes is None else notes,
            impact=_IMPACTS[impact] if impact else outage.impact,
            status=status or outage.status,
        )
        saved = await desk.status.announce(changed, desk.operator)
        done(f"Changed outage {number}.", _row(saved), as_json=shared.json)


@app.command
async def remove(number: int, /, *, shared: Shared = _SHARED) -> None:
    """Remove an outage altogether; to keep it on record use: change NUMBER --status Cancelled."""
    async with open_desk(shared) as desk:
        await desk.status.remove_outage(number, desk.operator)
        done(f"Removed outage {number}.", {"id": number, "removed": True}, as_json=shared.json)
