"""`sfapi balance`, `sfapi usage`."""

from collections.abc import Sequence

from superfacility.cli.user.hours.standing import STANDING, hours
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, human_size
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.errors import NotFound
from superfacility.client.records.account import Project
from superfacility.client.records.accounting import Allocation, Usage


def _project(parser: Parser) -> None:
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="one project; all of yours if left out")


def _balance(call: Call) -> int:
    wanted, output = call.options.project, call.output
    found = [each for each in call.connection.projects() if wanted in (None, each.name)]
    if wanted and not found:
        raise NotFound(f"You are in no project {wanted!r}. Its principal investigator can invite you.")
    allocations = _allocations(call, wanted)
    if output.as_json:
        output.document(projects=found, allocations=allocations)
        return exits.OK
    columns = {
        "PROJECT": lambda p: p.name,
        "ROLE": lambda p: p.role,
        "HOURS LEFT": lambda p: hours(p.hours_left),
        "USED": lambda p: f"{p.hours_used:.1f}",
        "BY YOU": lambda p: f"{p.own_hours_used:.1f}",
        "GIVEN": lambda p: hours(p.hours_given),
        "STORAGE": _storage,
    }
    output.table(found, columns, nothing="You are in no project.")
    if allocations:
        output.line()
        output.table(allocations, STANDING, nothing="")
    return exits.OK


def _allocations(call: Call, wanted: str | None) -> Sequence[Allocation]:
    """Those of now; a facility of another make has none to tell of."""
    try:
        return [each for each in call.connection.allocations() if each.current and wanted in (None, each.project)]
    except NotFound:
        return []


def _usage_options(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("--start", metavar="DAY", help="the first day, YYYY-MM-DD in UTC; 30 days ago if left out")
    parser.add_argument("--end", metavar="DAY", help="the last day; today if left out")
    parser.add_argument("--step", choices=("day", "week", "month"), default="day", help="what is summed up")
    parser.add_argument("--by", choices=("user", "system", "qos", "project"), help="what is told apart")


def _usage(call: Call) -> int:
    """Of a project all members' use; without one yours in all of them."""
    options, output = call.options, call.output
    used = call.connection.usage(
        options.project, start=options.start, end=options.end, step=options.step, by=options.by
    )
    if output.as_json:
        output.document(usage=used)
        return exits.OK
    columns: Columns = {
        options.step.upper(): lambda each: each.begins,
        "KIND": lambda each: each.kind,
        **({options.by.upper(): lambda each: each.of or "-"} if options.by else {}),
        "NODE HOURS": lambda each: f"{each.node_hours:.2f}",
        "JOBS": lambda each: each.jobs,
    }
    output.table(used.steps, columns, nothing=f"Nothing was used from {used.start} to {used.end}.")
    return exits.OK


def _storage(project: Project) -> str:
    return "; ".join(
        f"{use.name} {human_size(use.bytes_used)}" + (f" of {human_size(use.bytes_given)}" if use.bytes_given else "")
        for use in project.storage
    )


COMMANDS = {
    "balance": Command(_balance, _project, {"projects": tuple[Project, ...], "allocations": tuple[Allocation, ...]}),
    "usage": Command(_usage, _usage_options, {"usage": Usage}),
}
