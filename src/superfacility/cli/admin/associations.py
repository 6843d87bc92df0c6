"""`sfapi admin associations`: keep a scheduler's accounts in step with projects and members."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from cyclopts import App, Parameter

from superfacility.bootstrap.facility import open_facility
from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.output import Shared, show_rows, warn
from superfacility.facility.accounting.associations import AssociationStep
from superfacility.facility.errors import InvalidInput, Unsupported
from superfacility.services.accounting.associations import AssociationKeeper, AssociationPlan, check_digest

app = App(
    name="associations",
    help="A scheduler's accounts, kept in step with projects and members.",
    help_format="plaintext",
)
_SHARED = Shared()
_PRUNE = Parameter(
    help="Also take people out of accounts that we have not made, if they are no members of the project.", negative=()
)
_NOTHING = "The accounts are in step: nothing is to be done."


@app.command
async def plan(*, system: str, prune: Annotated[bool, _PRUNE] = False, shared: Shared = _SHARED) -> None:
    """Show what would be done on a system, and change nothing."""
    async with _keeping(system, shared) as (_, keeper):
        found = await keeper.plan(prune=prune)
        show_rows([_row(step) for step in found.steps], as_json=shared.json, nothing=_NOTHING)
        _note(found)
        if found.steps:
            flag = " --prune" if prune else ""
            warn(f"To do it: sfapi admin associations apply --system {system}{flag} --plan {found.digest}")


@app.command
async def apply(
    *,
    system: str,
    plan: Annotated[str | None, Parameter(help="The plan that was looked at, by what `plan` called it.")] = None,
    yes: Annotated[bool, Parameter(help="Whatever the plan is now.", negative=())] = False,
    prune: Annotated[bool, _PRUNE] = False,
    shared: Shared = _SHARED,
) -> None:
    """Do what was planned, line by line. Exit code 1 if the scheduler has refused a line."""
    if (plan is None) == (not yes):
        raise InvalidInput(f"Look at the plan first (sfapi admin associations plan --system {system}), then name it.")
    async with _keeping(system, shared) as (desk, keeper):
        found = await keeper.plan(prune=prune)
        if plan is not None:
            check_digest(found, plan)
        results = await keeper.apply(found, desk.operator)
        rows = [{**_row(each.step), "result": each.problem or "done"} for each in results]
        show_rows(rows, as_json=shared.json, nothing=_NOTHING)
        _note(found)
        if any(each.problem for each in results):
            sys.exit(1)


@asynccontextmanager
async def _keeping(system: str, shared: Shared) -> AsyncIterator[tuple[Desk, AssociationKeeper]]:
    async with open_desk(shared) as desk:
        facility = open_facility(desk.settings)
        try:
            found = facility.system(system)
            if found.scheduler is None:
                raise Unsupported(f"{system} has no scheduler, and so no accounts.")
            book = found.scheduler.associations()
            yield desk, AssociationKeeper(found.name, book, desk.stores.people, desk.stores.audit, desk.clock)
        finally:
            for each in facility.systems.values():
                if each.scheduler is not None:
                    await each.scheduler.aclose()
                await each.transport.aclose()


def _row(step: AssociationStep) -> dict[str, Any]:
    return {"step": str(step.kind), "account": step.account, "users": list(step.users)}


def _note(found: AssociationPlan) -> None:
    for note in found.notes:
        warn(note)
