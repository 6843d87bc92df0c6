"""`sfapi activity`: what was done, by whom, with which client and from where."""

from superfacility.cli.user.terminal.answers import listed
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, short_time
from superfacility.cli.user.terminal.parsing import Parser, instant
from superfacility.client.records.account import AuditEntry

_COLUMNS: Columns = {
    "AT": lambda each: short_time(each.at),
    "WHO": lambda each: each.actor,
    "ACTION": lambda each: each.action,
    "TARGET": lambda each: each.target,
    "CLIENT": lambda each: each.client,
    "FROM": lambda each: each.address,
    "DETAILS": lambda each: each.detail,
}


def _arguments(parser: Parser) -> None:
    parser.add_argument("-a", "--all", action="store_true", help="of everybody: for staff who have logged in")
    parser.add_argument("-u", "--user", metavar="NAME", help="of one person, or of operator:NAME: for staff")
    parser.add_argument("--action", metavar="ACTION", help="compute.submit; compute.* for a group of them")
    parser.add_argument("--target", metavar="TARGET", help="what it was done to")
    parser.add_argument("--client", metavar="ID", help="with this client")
    parser.add_argument("--from", dest="address", metavar="ADDRESS", help="from this address")
    parser.add_argument("--text", metavar="TEXT", help="part of the target or of the details")
    parser.add_argument("--since", type=instant, metavar="TIME", help="2026-06-01, 2026-06-01T08:00; local time")
    parser.add_argument("--until", type=instant, metavar="TIME", help="the same for the end")
    parser.add_argument("--limit", type=int, metavar="N", help="the newest so many; 100 if left out")


def _activity(call: Call) -> int:
    options = call.options
    found = call.connection.audit(
        everybodys=options.all or options.user is not None,
        actor=options.user,
        action=options.action,
        target=options.target,
        client=options.client,
        address=options.address,
        text=options.text,
        since=options.since,
        until=options.until,
        limit=options.limit,
    )
    return listed(call, "entries", found, _COLUMNS, "Nothing.")


COMMANDS = {"activity": Command(_activity, _arguments, {"entries": tuple[AuditEntry, ...]})}
