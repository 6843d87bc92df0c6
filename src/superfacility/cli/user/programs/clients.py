"""`sfapi clients`: registered programs. Their key pairs are made here; the facility gets the public half."""

from superfacility.cli.user.programs import asking, keys, making
from superfacility.cli.user.programs.making import MADE, algorithm, algorithm_option
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.answers import listed, told
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import Columns, figure, short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.clients import ClientAddresses, ClientLevel, RegisteredClient

_COLUMNS: Columns = {
    "CLIENT": lambda c: c.id,
    "NAME": lambda c: c.name,
    "LEVEL": lambda c: c.level,
    "STATE": lambda c: c.state,
    "EXPIRES": lambda c: short_time(c.expires_at),
    "RANGES": lambda c: c.ranges,
    "PROJECT": lambda c: c.project,
    "COMMENTS": lambda c: c.comments,
}
_DETAILS: Columns = {
    **_COLUMNS,
    "ACTS AS": lambda c: c.user,
    "MADE BY": lambda c: c.made_by,
    "HELD BY": lambda c: c.holder,
    "GLOBUS": lambda c: "yes" if c.globus else "",
    "STRICT": lambda c: "yes" if c.strict else "",
    "DPOP": lambda c: "yes" if c.dpop else "",
    "KEYS": lambda c: c.keys,
    "SCOPES": lambda c: c.scopes,
}
_LEVEL_COLUMNS: Columns = {
    "LEVEL": lambda each: each.level,
    "DAYS": lambda each: figure(each.without_review.days),
    "RANGES": lambda each: each.without_review.ranges,
    "DAYS WITH REVIEW": lambda each: figure(each.with_review.days),
    "MEANING": lambda each: each.meaning,
}


def _account(parser: Parser) -> None:
    parser.add_argument("--user", metavar="NAME", help="collaboration account that you manage; you, if left out")


def _list(call: Call) -> int:
    return listed(call, "clients", call.connection.clients(call.options.user), _COLUMNS, "No clients.")


def _id(parser: Parser) -> None:
    parser.add_argument("client", metavar="CLIENT", help="id of a client")


def _show(call: Call) -> int:
    return told(call, "client", call.connection.client(call.options.client), _DETAILS)


def _changes(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--name", help="another one")
    parser.add_argument("--ip", action="append", metavar="RANGE", help="all ranges, in place of those it has")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="all scopes, in place of those it has")
    parser.add_argument("--comments", metavar="TEXT")


def _change(call: Call) -> int:
    options = call.options
    changed = call.connection.change_client(
        options.client, name=options.name, ranges=options.ip, scopes=options.scope, comments=options.comments
    )
    return told(call, "client", changed, _DETAILS)


def _days(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--days", type=float, metavar="N", help="from now; as many as its level allows, if left out")


def _renew(call: Call) -> int:
    return told(call, "client", call.connection.renew_client(call.options.client, days=call.options.days), _DETAILS)


def _new_key(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--out", metavar="FILE", required=True, help="new key file, .json or PEM")
    parser.add_argument("--overlap", type=float, default=0, metavar="HOURS", help="how long the old key is good, too")
    algorithm_option(parser)


def _rotate(call: Call) -> int:
    options = call.options
    path, strict = keys.key_path(options.out, ""), call.connection.client(options.client).strict
    with keys.new_pair(path, algorithm(call, strict=strict)) as pair:
        client = call.connection.rotate_client_key(options.client, pair.public, overlap_hours=options.overlap)
        pair.write(client.id)
    if call.output.as_json:
        call.output.document(client=client, key_file=str(path))
    else:
        call.output.line(f"Client {client.id} has another key, in {path}.")
    return exits.OK


def _revoke(call: Call) -> int:
    call.connection.revoke_client(call.options.client)
    if call.output.as_json:
        call.output.document(revoked=call.options.client)
    else:
        call.output.note(f"Client {call.options.client} revoked. Remove its key file, too.")
    return exits.OK


def _levels(call: Call) -> int:
    return listed(call, "levels", call.connection.client_levels(), _LEVEL_COLUMNS, "The facility does not say.")


def _addresses(call: Call) -> int:
    found = call.connection.client_addresses()
    if call.output.as_json:
        call.output.document(addresses=found)
    else:
        call.output.record({"mine": found.address, **found.networks})
    return exits.OK


_ONE = {"client": RegisteredClient}
_VERBS = {
    "list": Command(_list, _account, {"clients": tuple[RegisteredClient, ...]}, "Yours."),
    "show": Command(_show, _id, _ONE, "One of them."),
    **making.COMMANDS,
    "change": Command(_change, _changes, _ONE, "What is left out stays as it is."),
    "renew": Command(_renew, _days, _ONE, "Let it live on from now."),
    "rotate": Command(_rotate, _new_key, MADE, "Give it a new key, made here."),
    "revoke": Command(_revoke, _id, {"revoked": str}, "End its power at once and for good."),
    "levels": Command(_levels, answers={"levels": tuple[ClientLevel, ...]}, text="Power against lifetime and ranges."),
    "addresses": Command(_addresses, answers={"addresses": ClientAddresses}, text="Yours, and ranges by name."),
    **asking.COMMANDS,
}
COMMANDS = {"clients": Group(_VERBS, usual="list")}
