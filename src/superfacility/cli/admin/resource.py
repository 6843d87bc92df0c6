"""`sfapi admin resource`."""

from typing import Annotated, Literal

from cyclopts import App, Parameter

from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.output import Row, Shared, done, show_record, show_rows
from superfacility.facility.status import Observation, Resource, ResourceName, ResourceState

app = App(name="resource", help="What the status page lists.", help_format="plaintext")
_SHARED = Shared()
Kind = Literal["compute", "filesystem", "service", "storage"]
State = Annotated[ResourceState | None, Parameter(help="How well it works.")]


def _row(resource: Resource) -> Row:
    return {
        "name": resource.name,
        "full_name": resource.full_name,
        "kind": resource.kind,
        "state": resource.state.value,
        "description": resource.description,
        "updated_at": resource.updated_at,
    }


def _observed(observation: Observation) -> str:
    return f"{observation.probe} {observation.state}: {observation.description}"


def _of_system(desk: Desk, name: str) -> tuple[str, Kind]:
    """What the settings say of a system: its name for people, and what it is."""
    system = desk.settings.systems.get(name)
    if system is None:
        return name, "service"
    return system.full_name, "service" if system.scheduler is None else "compute"


@app.command
async def add(
    name: str,
    /,
    *,
    full_name: Annotated[str | None, Parameter(help="Name for people. A system brings its own.")] = None,
    kind: Annotated[Kind | None, Parameter(help="What it is: `service`, or `compute` for a system with jobs.")] = None,
    state: Annotated[ResourceState, Parameter(help="How well it works.")] = ResourceState.ACTIVE,
    description: Annotated[str, Parameter(help="Its state in words.")] = "System is active",
    shared: Shared = _SHARED,
) -> None:
    """Add a resource."""
    async with open_desk(shared) as desk:
        own_name, own_kind = _of_system(desk, name)
        resource = Resource(ResourceName(name), full_name or own_name, kind or own_kind, state, description)
        saved = await desk.status.add_resource(resource, desk.operator)
        done(f"Added resource {name}.", _row(saved), as_json=shared.json)


@app.command(name="list")
async def list_resources(*, shared: Shared = _SHARED) -> None:
    """List resources as the public sees them."""
    async with open_desk(shared) as desk:
        view = await desk.status.view()
        show_rows([_row(each) for each in view.resources], as_json=shared.json)


@app.command
async def show(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Show a resource as the public sees it, what staff announced, what probes observe, notes and outages to come."""
    async with open_desk(shared) as desk:
        view = await desk.status.view()
        resource = view.resource(name)
        record = {
            **_row(resource),
            "announced": view.announced(name).state.value,
            "observed": [_observed(each) for each in view.observations.get(resource.name, ())],
            "notes": [each.text for each in view.notes.get(resource.name, ()) if each.active],
            "planned": [each.start_at for each in view.planned(resource.name)],
        }
        show_record(record, as_json=shared.json)


@app.command
async def history(
    name: str,
    /,
    *,
    limit: Annotated[int, Parameter(help="Most rows to show.")] = 50,
    shared: Shared = _SHARED,
) -> None:
    """Show how a resource and its outages changed, newest first."""
    async with open_desk(shared) as desk:
        changes = await desk.status.history(name, limit=limit)
        rows = [
            {
                "at": each.at,
                "outage": each.outage,
                "previous": each.previous,
                "state": each.state,
                "description": each.description,
            }
            for each in changes
        ]
        show_rows(rows, as_json=shared.json)


@app.command
async def change(
    name: str,
    /,
    *,
    full_name: Annotated[str | None, Parameter(help="Name for people.")] = None,
    state: State = None,
    description: Annotated[str | None, Parameter(help="Its state in words.")] = None,
    shared: Shared = _SHARED,
) -> None:
    """Change what is given, keep the rest."""
    async with open_desk(shared) as desk:
        saved = await desk.status.change_resource(
            ResourceName(name), desk.operator, state=state, description=description, full_name=full_name
        )
        done(f"Changed resource {name}.", _row(saved), as_json=shared.json)


@app.command
async def remove(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Remove a resource from the status page."""
    async with open_desk(shared) as desk:
        await desk.status.remove_resource(ResourceName(name), desk.operator)
        done(f"Removed resource {name}.", {"name": name, "removed": True}, as_json=shared.json)
