"""`sfapi status`, `sfapi outages`: needs no login."""

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.status import Note, Outage, Resource


def _resource(parser: Parser) -> None:
    parser.add_argument("resource", nargs="?", metavar="NAME", help="system, filesystem or service; all if left out")


def _outage_arguments(parser: Parser) -> None:
    _resource(parser)
    parser.add_argument("--planned", action="store_true", help="planned ones alone")


def _status(call: Call) -> int:
    name, output, connection = call.options.resource, call.output, call.connection
    if name is None:
        found = connection.resources()
        if output.as_json:
            output.document(resources=found)
        else:
            columns = {"NAME": lambda r: r.name, "STATE": lambda r: r.state, "WHAT": lambda r: r.full_name}
            columns["DESCRIPTION"] = lambda r: r.description
            output.table(found, columns, nothing="The facility lists nothing.")
        return exits.OK
    resource = connection.resource(name)
    notes, planned = connection.notes(name), connection.outages(name, planned=True)
    if output.as_json:
        output.document(resource=resource, notes=notes, planned_outages=planned)
        return exits.OK
    output.record(
        {
            "name": resource.name,
            "state": resource.state,
            "description": resource.description,
            "kind": resource.kind,
            "changed": resource.updated_at,
        }
    )
    for note in resource.notes:
        output.line(f"* {note}")
    for outage in planned:
        output.line(f"planned: {short_time(outage.start_at)} - {short_time(outage.end_at)} {outage.description}")
    return exits.OK


def _outages(call: Call) -> int:
    options, output = call.options, call.output
    found = call.connection.outages(options.resource, planned=options.planned)
    if output.as_json:
        output.document(outages=found)
        return exits.OK
    columns = {
        "NAME": lambda o: o.resource,
        "STATE": lambda o: o.state,
        "FROM": lambda o: short_time(o.start_at),
        "UNTIL": lambda o: short_time(o.end_at) or "further notice",
        "DESCRIPTION": lambda o: o.description,
        "NOTES": lambda o: o.notes,
    }
    output.table(found, columns, nothing="No outages.")
    return exits.OK


_ONE_OR_ALL = {
    "resources": tuple[Resource, ...] | None,
    "resource": Resource | None,
    "notes": tuple[Note, ...] | None,
    "planned_outages": tuple[Outage, ...] | None,
}
COMMANDS = {
    "status": Command(_status, _resource, _ONE_OR_ALL),
    "outages": Command(_outages, _outage_arguments, {"outages": tuple[Outage, ...]}),
}
