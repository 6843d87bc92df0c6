"""`sfapi transfer`: copies between the facility's own endpoints, which go on without you."""

from superfacility.cli.user.files.listing import split_remote
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.interruption import detach
from superfacility.cli.user.terminal.output import human_size
from superfacility.cli.user.terminal.parsing import Parser, timeout_option
from superfacility.cli.user.terminal.progress import ProgressLine
from superfacility.client.errors import ConfigurationError
from superfacility.client.records.work import Transfer


def _arguments(parser: Parser) -> None:
    parser.add_argument("source", metavar="SOURCE|ID", help="endpoint:/path; or the id of a transfer, to look at it")
    parser.add_argument("target", nargs="?", metavar="TARGET", help="endpoint:/path")
    parser.add_argument("--label", default="", metavar="TEXT", help="your own words for it")
    parser.add_argument("--parsable", action="store_true", help="print the id of the transfer alone")
    parser.add_argument("-W", "--wait", action="store_true", help="wait for its end")
    timeout_option(parser)


def _transfer(call: Call) -> int:
    options = call.options
    if options.target is None and split_remote(options.source) is not None:
        raise ConfigurationError(f"Where to? Name a target: sfapi transfer {options.source} ENDPOINT:/path")
    if options.target is None:
        transfer_id = options.source
    else:
        source, target = _endpoint(options.source), _endpoint(options.target)
        transfer_id = call.connection.start_transfer(source, target, label=options.label)
        if not call.output.as_json:
            call.output.line(transfer_id if options.parsable else f"Started transfer {transfer_id}")
            if not options.wait:
                return exits.OK
    if not options.wait:
        found = call.connection.transfer(transfer_id)
        _say(call, found)
        return exits.FAILED if found.state in {"FAILED", "CANCELED"} else exits.OK
    line = ProgressLine(f"{options.source} -> {options.target}" if options.target else transfer_id)
    try:
        found = call.connection.wait_for_transfer(
            transfer_id, timeout=options.timeout, progress=lambda each: line(each.bytes_transferred, None)
        )
    except KeyboardInterrupt:
        line.clear()
        return detach(call.output, f"The transfer goes on. Look with `sfapi transfer {transfer_id}`.")
    line.clear()
    _say(call, found)
    return exits.OK if found.state == "SUCCEEDED" else exits.FAILED


def _say(call: Call, found: Transfer) -> None:
    if call.output.as_json:
        call.output.document(transfer=found)
    elif not call.options.parsable:
        rate = f"{human_size(found.bytes_per_second)}/s" if found.bytes_per_second else None
        call.output.record(
            {
                "transfer": found.id,
                "state": found.state,
                "copied": human_size(found.bytes_transferred),
                "rate": rate,
                "ended": found.completed_at,
                "why": found.reason,
            }
        )


def _endpoint(text: str) -> tuple[str, str]:
    found = split_remote(text)
    if found is None or not found[1].startswith("/"):
        raise ConfigurationError(f"{text!r} is no place of an endpoint. Write it as endpoint:/path")
    return found


_EXAMPLES = ("sfapi transfer dtn:/project/m1/scan hpss:/m1/scan --wait", "sfapi transfer ID")
COMMANDS = {"transfer": Command(_transfer, _arguments, {"transfer": Transfer}, examples=_EXAMPLES)}
