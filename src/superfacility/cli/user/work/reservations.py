"""`sfapi reservations`: nodes or cores set aside for a time."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser, system_option
from superfacility.client.records.work import Reservation


def _list(call: Call) -> int:
    found = call.connection.reservations(call.system())
    if call.output.as_json:
        call.output.document(reservations=found)
        return exits.OK
    columns = {
        "NAME": lambda r: r.name,
        "STATE": lambda r: r.state,
        "FROM": lambda r: short_time(r.start),
        "UNTIL": lambda r: short_time(r.end),
        "NODES": lambda r: r.nodes,
        "CORES": lambda r: r.cores,
        "USERS": lambda r: r.users,
        "PROJECTS": lambda r: r.projects,
    }
    call.output.table(found, columns, nothing="No reservations.")
    return exits.OK


def _name(parser: Parser) -> None:
    parser.add_argument("name", metavar="NAME", help="of a reservation")
    system_option(parser)


def _show(call: Call) -> int:
    return _told(call, call.connection.reservation(call.system(), call.options.name))


def _extent(parser: Parser) -> None:
    _name(parser)
    parser.add_argument(
        "--start", metavar="TIME", help="2026-06-01T08:00, in the facility's local time, or with an offset"
    )
    parser.add_argument("--end", metavar="TIME", help="the same for its end")
    parser.add_argument("--nodes", type=int, metavar="N", help="so many whole nodes")
    parser.add_argument("--cores", type=int, metavar="N", help="instead of nodes")


def _what(parser: Parser) -> None:
    _extent(parser)
    parser.add_argument("--users", metavar="NAMES", help="who may use it, with commas; you, if nobody is named")
    parser.add_argument("--projects", metavar="NAMES", help="projects whose members may use it, with commas")


def _other(parser: Parser) -> None:
    _extent(parser)
    parser.add_argument("--users", metavar="NAMES", help="all who may use it from now on, with commas; '' for none")
    parser.add_argument("--projects", metavar="NAMES", help="all projects whose members may; '' for none")


def _names(text: str | None) -> list[str] | None:
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def _create(call: Call) -> int:
    options, system = call.options, call.system()
    if not options.start or not options.end:
        call.output.note("sfapi reservations create: --start and --end are needed")
        return exits.USAGE
    call.connection.create_reservation(
        system,
        options.name,
        options.start,
        options.end,
        nodes=options.nodes,
        cores=options.cores,
        users=_names(options.users) or (),
        projects=_names(options.projects) or (),
    )
    return _told(call, call.connection.reservation(system, options.name))


def _change(call: Call) -> int:
    options, system = call.options, call.system()
    call.connection.change_reservation(
        system,
        options.name,
        start=options.start,
        end=options.end,
        nodes=options.nodes,
        cores=options.cores,
        users=_names(options.users),
        projects=_names(options.projects),
    )
    return _told(call, call.connection.reservation(system, options.name))


def _delete(call: Call) -> int:
    call.connection.delete_reservation(call.system(), call.options.name)
    if call.output.as_json:
        call.output.document(deleted=call.options.name)
    else:
        call.output.note(f"Reservation {call.options.name} deleted.")
    return exits.OK


def _told(call: Call, found: Reservation) -> int:
    if call.output.as_json:
        call.output.document(reservation=found)
        return exits.OK
    call.output.record(
        {
            "name": found.name,
            "state": found.state,
            "from": found.start,
            "until": found.end,
            "nodes": found.nodes,
            "cores": found.cores,
            "users": found.users,
            "projects": found.projects,
        }
    )
    return exits.OK


_ONE = {"reservation": Reservation}
_MANY = {"reservations": tuple[Reservation, ...]}
COMMANDS = {
    "reservations": Group(
        {
            "list": Command(_list, system_option, _MANY, "Those that have not ended."),
            "show": Command(_show, _name, _ONE, "One of them."),
            "create": Command(_create, _what, _ONE, "Set nodes or cores aside."),
            "change": Command(_change, _other, _ONE, "What is left out stays as it is."),
            "delete": Command(_delete, _name, {"deleted": str}, "End it; running jobs go on."),
        },
        usual="list",
    )
}
