"""`sfapi admin directory`: follow the site's directory of people."""

import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from cyclopts import App, Parameter

from superfacility.bootstrap.directory import Directory, open_decisions, open_directory
from superfacility.cli.admin.desk import Desk, open_desk
from superfacility.cli.output import Shared, done, show_record, show_rows, warn
from superfacility.facility.errors import InvalidInput
from superfacility.facility.membership.directory import MirrorStep
from superfacility.services.directory.decisions import DirectoryDecisions
from superfacility.services.directory.sync import SyncPlan
from superfacility.services.directory.verdicts import Refusal

app = App(
    name="directory",
    help="The site's directory of people, and the copy of it in the database.",
    help_format="plaintext",
)
_SHARED = Shared()
_MOST_SHOWN = 50


@app.command
async def check(*, shared: Shared = _SHARED) -> None:
    """Ask the directory, and say how far the copy is from it; nothing is changed. Exit code 1 if something is wrong."""
    async with _opened(shared) as (_, directory):
        last = directory.contact.last()
        where = await directory.port.ping()
        plan = await directory.sync.plan()
        row = {
            "directory": where,
            "people": plan.people,
            "copies in force": plan.watched,
            "would change": len(plan.steps),
            "would lose something": len(plan.losers),
            "not followed": len(plan.refusals),
            "entries not understood": len(plan.flaws),
            "groups not there": list(plan.missing),
            "last answered": last,
        }
        show_record(row, as_json=shared.json)
        _warn(plan, plan.refusals, as_json=shared.json)
        if plan.refusals or plan.flaws or plan.missing:
            sys.exit(1)


@app.command
async def sync(
    *,
    dry_run: Annotated[bool, Parameter(help="Show what would change, and change nothing.", negative=())] = False,
    force: Annotated[bool, Parameter(help="Even if many would lose something.", negative=())] = False,
    shared: Shared = _SHARED,
) -> None:
    """Follow the directory now. What it does by itself in the background is the same."""
    async with _opened(shared) as (desk, directory):
        plan = await directory.sync.plan()
        if dry_run:
            _show(plan.steps, plan, plan.refusals, "would", as_json=shared.json)
            return
        report = await directory.sync.apply(plan, force=force, actor=desk.operator)
        _show(report.done, plan, report.refusals, "did", as_json=shared.json)


@app.command
async def adopt(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Say that the user here and the one in the directory are the same person, who keeps everything."""
    async with _deciding(shared) as (desk, decisions):
        user = await decisions.adopt(name, desk.operator)
        row = {"user": user.name, "uid": user.uid, "active": user.active}
        done(f"{name} (uid {user.uid}) is the one in the directory now.", row, as_json=shared.json)


@app.command
async def replace(name: str, /, *, shared: Shared = _SHARED) -> None:
    """Say that another person has that name now. All clients, logins and memberships of the former one end."""
    async with _deciding(shared) as (desk, decisions):
        user = await decisions.replace(name, desk.operator)
        row = {"user": user.name, "uid": user.uid, "active": user.active}
        said = f"{name} (uid {user.uid}) is another person now; what the former one had has been revoked."
        done(said, row, as_json=shared.json)


@asynccontextmanager
async def _opened(shared: Shared) -> AsyncIterator[tuple[Desk, Directory]]:
    async with open_desk(shared) as desk:
        directory = open_directory(desk.settings, desk.stores, desk.clock)
        if directory is None:
            raise InvalidInput("The configuration has no [directory]: people are in the database alone.")
        try:
            yield desk, directory
        finally:
            await directory.port.aclose()


@asynccontextmanager
async def _deciding(shared: Shared) -> AsyncIterator[tuple[Desk, DirectoryDecisions]]:
    async with _opened(shared) as (desk, directory):
        yield desk, open_decisions(directory, desk.stores, desk.clients, desk.clock)


def _show(
    steps: Iterable[MirrorStep], plan: SyncPlan, refusals: Iterable[Refusal], word: str, *, as_json: bool
) -> None:
    rows = [_row(step) for step in steps]
    if as_json:
        rows += [{"user": each.user, "change": "refused", "detail": each.why} for each in refusals]
    nothing = f"The copy is as the directory is: nothing {'would change' if word == 'would' else 'was changed'}."
    show_rows(rows, as_json=as_json, nothing=nothing)
    _warn(plan, refusals, as_json=as_json)


def _row(step: MirrorStep) -> dict[str, Any]:
    return {
        "user": step.user.name,
        "change": step.audit.action.removeprefix("directory.").removesuffix("_user"),
        "detail": step.audit.detail,
    }


def _warn(plan: SyncPlan, refusals: Iterable[Refusal], *, as_json: bool) -> None:
    told = [f"Not followed: {each.why}" for each in refusals] if not as_json else []
    told += [f"Not understood: {flaw}" for flaw in plan.flaws]
    told += [f"There is no group {group} in the directory: what it would say stays as it is." for group in plan.missing]
    for line in told[:_MOST_SHOWN]:
        warn(line)
    if len(told) > _MOST_SHOWN:
        warn(f"... and {len(told) - _MOST_SHOWN} more.")
