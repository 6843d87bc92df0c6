"""`sfapi shares`."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.errors import ConfigurationError
from superfacility.client.records.accounting import Share

_COLUMNS: Columns = {
    "USER": lambda each: each.user,
    "KIND": lambda each: each.kind,
    "AT MOST": lambda each: f"{each.percent:g} %" if each.hours is None else f"{each.hours:g} hours",
}


def _options(parser: Parser) -> None:
    parser.add_argument("project", metavar="PROJECT", help="one project of yours")
    parser.add_argument("user", nargs="?", metavar="USER", help="the member whose share to set")
    bound = parser.add_mutually_exclusive_group()
    bound.add_argument("--percent", type=float, metavar="N", help="of what the project has, in each of its periods")
    bound.add_argument("--hours", type=float, metavar="N", help="node hours in each of its periods")
    bound.add_argument("--remove", action="store_true", help="let the member use all that is left")
    parser.add_argument("--kind", choices=("cpu", "gpu"), default="cpu", help="which hours")


def _shares(call: Call) -> int:
    options, connection, output = call.options, call.connection, call.output
    bounds = options.percent is not None or options.hours is not None or options.remove
    if bounds != bool(options.user):
        raise ConfigurationError("Name a member and one of --percent, --hours and --remove; or neither, to list.")
    if options.user:
        connection.set_share(
            options.project, options.user, kind=options.kind, hours=options.hours, percent=options.percent
        )
    found = connection.shares(options.project)
    if output.as_json:
        output.document(shares=found)
    else:
        output.table(found, _COLUMNS, nothing="Every member may use all that is left.")
    return exits.OK


COMMANDS = {"shares": Command(_shares, _options, {"shares": tuple[Share, ...]})}
