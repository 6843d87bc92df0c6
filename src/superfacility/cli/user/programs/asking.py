"""`sfapi clients`: those that staff are asked for. Their keys wait here until they are approved."""

from superfacility.cli.user.programs import keys
from superfacility.cli.user.programs.making import algorithm, ranges, wanted, wish
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import Columns, figure
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.clients import ClientRequest

_COLUMNS: Columns = {
    "REQUEST": lambda r: r.id,
    "STATE": lambda r: r.state,
    "NAME": lambda r: r.name,
    "LEVEL": lambda r: r.level,
    "DAYS": lambda r: figure(r.days),
    "CLIENT": lambda r: r.client_id,
    "REASON": lambda r: r.reason,
}


def _requests(call: Call) -> int:
    return listed(call, "requests", call.connection.client_requests(), _COLUMNS, "No requests.")


def _asked(parser: Parser) -> None:
    parser.add_argument("--purpose", required=True, metavar="TEXT", help="what it is for; staff decide by it")
    wanted(parser)


def _request(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, options.name)
    with keys.pending_pair(path, algorithm(call, strict=options.strict)) as pair:
        request = call.connection.request_client(
            options.name, options.level, ranges(call), pair.public, options.purpose, **wish(call)
        )
        pair.write(request.id)
    if call.output.as_json:
        call.output.document(request=request)
        return exits.OK
    call.output.line(f"Request {request.id} waits for the facility's staff; you get a mail when they have decided.")
    call.output.note(f"Then make its key file: sfapi clients collect {request.id}")
    return exits.OK


def _request_id(parser: Parser) -> None:
    parser.add_argument("request", metavar="REQUEST", help="id of a request")


def _collect(call: Call) -> int:
    request = call.connection.client_request(call.options.request)
    path = keys.collected(request)
    if call.output.as_json:
        call.output.document(request=request, key_file=str(path))
    else:
        call.output.line(f"Client {request.client_id}: its key is in {path}.")
    return exits.OK


def _withdraw(call: Call) -> int:
    request = call.connection.withdraw_client_request(call.options.request)
    keys.forget(request.id)
    if call.output.as_json:
        call.output.document(request=request)
    else:
        call.output.note(f"Request {request.id} withdrawn.")
    return exits.OK


_ONE = {"request": ClientRequest}
COMMANDS = {
    "requests": Command(
        _requests, answers={"requests": tuple[ClientRequest, ...]}, text="What you have asked staff for."
    ),
    "request": Command(_request, _asked, _ONE, "Ask staff for one that you cannot make yourself."),
    "collect": Command(_collect, _request_id, {**_ONE, "key_file": str}, "Make the key file of one approved."),
    "withdraw": Command(_withdraw, _request_id, _ONE, "Take back a request that waits."),
}
