"""`sfapi allocations`: hours that projects were given for a time. Staff give them."""

from typing import Any

from superfacility.cli.user.hours.standing import STANDING, hours
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import Columns
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.errors import ConfigurationError
from superfacility.client.records.accounting import Allocation, GivenHours

_COLUMNS: Columns = {"ID": lambda each: each.id, **STANDING}
_GIVEN: Columns = {
    "ID": lambda each: each.id,
    "PROJECT": lambda each: each.project,
    "KIND": lambda each: each.kind,
    "HOURS": lambda each: hours(each.hours),
    "FROM": lambda each: each.begins,
    "UNTIL": lambda each: each.ends,
}
_BOUNDS = ("hours", "begins", "ends")


def _maybe_project(parser: Parser) -> None:
    parser.add_argument("project", nargs="?", metavar="PROJECT", help="one project; all of yours if left out")


def _list(call: Call) -> int:
    found = call.connection.allocations(call.options.project)
    return listed(call, "allocations", found, _COLUMNS, "No allocations: hours have no limit.")


def _project(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT")


def _days(parser: Parser) -> None:
    parser.add_argument("--begins", metavar="DAY", help="the first day, YYYY-MM-DD in UTC; without, no beginning")
    parser.add_argument("--ends", metavar="DAY", help="the last day, which belongs to it; without, no end")


def _new(parser: Parser) -> None:
    _project(parser)
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--hours", type=float, metavar="N", help="node hours; 0 for none")
    amount.add_argument("--unlimited", action="store_true", help="hours without limit")
    parser.add_argument("--kind", choices=("cpu", "gpu"), default="cpu", help="which hours")
    _days(parser)


def _add(call: Call) -> int:
    options = call.options
    made = call.connection.allocate(
        options.project,
        hours=options.hours,
        unlimited=options.unlimited,
        kind=options.kind,
        begins=options.begins,
        ends=options.ends,
    )
    return told(call, "allocation", made, _GIVEN)


def _number(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("allocation", type=int, metavar="ID", help="see: sfapi allocations list PROJECT")


def _changes(parser: Parser) -> None:
    _number(parser)
    parser.add_argument("--hours", type=float, metavar="N", help="node hours, in place of those it has")
    parser.add_argument("--begins", metavar="DAY", help="another first day, YYYY-MM-DD in UTC")
    parser.add_argument("--ends", metavar="DAY", help="another last day")
    without = "take a bound away: no limit, no beginning, no end; may be repeated"
    parser.add_argument("--without", action="append", choices=_BOUNDS, default=[], help=without)


def _change(call: Call) -> int:
    options = call.options
    changes: dict[str, Any] = {name: getattr(options, name) for name in _BOUNDS}
    if not options.without and all(value is None for value in changes.values()):
        raise ConfigurationError("Say what to change: --hours, --begins, --ends, or --without one of them.")
    changed = call.connection.change_allocation(options.project, options.allocation, without=options.without, **changes)
    return told(call, "allocation", changed, _GIVEN)


def _removal(parser: Parser) -> None:
    _number(parser)
    last = "needed for the last one of a kind: without any, a project's hours have no limit"
    parser.add_argument("--unlimited", action="store_true", help=last)


def _remove(call: Call) -> int:
    options = call.options
    removed = call.connection.remove_allocation(options.project, options.allocation, unlimited=options.unlimited)
    if call.output.as_json:
        call.output.document(allocation=removed)
    else:
        call.output.note(f"Allocation {removed.id} of {removed.project} is taken away. What was used stays.")
    return exits.OK


def _choice(parser: Parser) -> None:
    _project(parser)
    parser.add_argument("rule", nargs="?", choices=("block", "warn", "ignore", "facility"), help="choose another one")


def _rule(call: Call) -> int:
    options, connection = call.options, call.connection
    if options.rule:
        rule = connection.set_allocation_rule(options.project, options.rule)
    else:
        rule = connection.allocation_rule(options.project)
    if call.output.as_json:
        call.output.document(when_exhausted=rule)
    else:
        call.output.line(rule)
    return exits.OK


_ONE = {"allocation": GivenHours}
_VERBS = {
    "list": Command(_list, _maybe_project, {"allocations": tuple[Allocation, ...]}, "Past, present and to come."),
    "add": Command(_add, _new, _ONE, "Give a project hours for a time; for staff."),
    "change": Command(_change, _changes, _ONE, "What is left out stays as it is; for staff."),
    "remove": Command(_remove, _removal, _ONE, "Take one away; for staff."),
    "rule": Command(_rule, _choice, {"when_exhausted": str}, "What happens when a project's hours are used up."),
}
COMMANDS = {"allocations": Group(_VERBS, usual="list")}
