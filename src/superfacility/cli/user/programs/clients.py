"""`sfapi clients`: registered programs. Their key pairs are made here; the facility gets the public half."""

from collections.abc import Callable, Mapping
from typing import Any

from superfacility.cli.user.programs import keys
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command, Group
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.clients import ClientAddresses, ClientLevel, ClientRequest, RegisteredClient

_LEVELS = ("green", "yellow", "orange", "red")

_COLUMNS: Mapping[str, Callable[[RegisteredClient], Any]] = {
    "CLIENT": lambda c: c.id,
    "NAME": lambda c: c.name,
    "LEVEL": lambda c: c.level,
    "STATE": lambda c: c.state,
    "EXPIRES": lambda c: short_time(c.expires_at),
    "RANGES": lambda c: c.ranges,
    "PROJECT": lambda c: c.project,
    "COMMENTS": lambda c: c.comments,
}
_DETAILS: Mapping[str, Callable[[RegisteredClient], Any]] = {
    **_COLUMNS,
    "ACTS AS": lambda c: c.user,
    "MADE BY": lambda c: c.made_by,
    "HELD BY": lambda c: c.holder,
    "GLOBUS": lambda c: "yes" if c.globus else "",
    "KEYS": lambda c: c.keys,
    "SCOPES": lambda c: c.scopes,
}
_LEVEL_COLUMNS: Mapping[str, Callable[[ClientLevel], Any]] = {
    "LEVEL": lambda each: each.level,
    "DAYS": lambda each: _number(each.without_review.days),
    "RANGES": lambda each: each.without_review.ranges,
    "DAYS WITH REVIEW": lambda each: _number(each.with_review.days),
    "MEANING": lambda each: each.meaning,
}
_REQUEST_COLUMNS: Mapping[str, Callable[[ClientRequest], Any]] = {
    "REQUEST": lambda r: r.id,
    "STATE": lambda r: r.state,
    "NAME": lambda r: r.name,
    "LEVEL": lambda r: r.level,
    "DAYS": lambda r: _number(r.days),
    "CLIENT": lambda r: r.client_id,
    "REASON": lambda r: r.reason,
}


def _account(parser: Parser) -> None:
    parser.add_argument("--user", metavar="NAME", help="collaboration account that you manage; you, if left out")


def _list(call: Call) -> int:
    found = call.connection.clients(call.options.user)
    if call.output.as_json:
        call.output.document(clients=found)
    else:
        call.output.table(found, _COLUMNS, nothing="No clients.")
    return exits.OK


def _id(parser: Parser) -> None:
    parser.add_argument("client", metavar="CLIENT", help="id of a client")


def _show(call: Call) -> int:
    return _told(call, call.connection.client(call.options.client))


def _new(parser: Parser) -> None:
    parser.add_argument("--name", required=True, help="for people")
    parser.add_argument(
        "--level", required=True, choices=_LEVELS, help="how much it may do; see `sfapi clients levels`"
    )
    where = "where it may call from: CIDR, a name of `sfapi clients addresses`, or `mine` (the usual); may be repeated"
    parser.add_argument("--ip", action="append", metavar="RANGE", help=where)
    parser.add_argument("--out", metavar="FILE", help="new key file, .json or PEM (~/.superfacility/NAME.pem)")
    parser.add_argument("--days", type=float, metavar="N", help="until it expires; as many as its level allows")
    parser.add_argument("--user", metavar="NAME", help="collaboration account that it acts as; you, if left out")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="fewer than its level has; may be repeated")
    parser.add_argument("--project", metavar="NAME", help="bind it to one project")
    parser.add_argument("--globus", action="store_true", help="it may copy between named endpoints")
    parser.add_argument("--comments", metavar="TEXT")
    _algorithm(parser)


def _algorithm(parser: Parser) -> None:
    parser.add_argument(
        "--algorithm", choices=("RS256", "ES256", "Ed25519"), default="RS256", help="sfapi_client: RS256"
    )


def _wish(call: Call) -> dict[str, Any]:
    options = call.options
    return {
        "days": options.days,
        "user": options.user,
        "scopes": options.scope,
        "comments": options.comments,
        "project": options.project,
        "globus": options.globus or None,
    }


def _create(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, options.name)
    with keys.new_pair(path, options.algorithm) as pair:
        client = call.connection.create_client(
            options.name, options.level, options.ip or ["mine"], pair.public, **_wish(call)
        )
        pair.write(client.id)
    if call.output.as_json:
        call.output.document(client=client, key_file=str(path))
        return exits.OK
    call.output.line(f"Client {client.id} ({client.level or options.level}) until {short_time(client.expires_at)}")
    call.output.note(f"Its key is in {path}. Use it: sfapi login --key {path}")
    return exits.OK


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
    return _told(call, changed)


def _days(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--days", type=float, metavar="N", help="from now; as many as its level allows, if left out")


def _renew(call: Call) -> int:
    return _told(call, call.connection.renew_client(call.options.client, days=call.options.days))


def _new_key(parser: Parser) -> None:
    _id(parser)
    parser.add_argument("--out", metavar="FILE", required=True, help="new key file, .json or PEM")
    parser.add_argument("--overlap", type=float, default=0, metavar="HOURS", help="how long the old key is good, too")
    _algorithm(parser)


def _rotate(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, "")
    with keys.new_pair(path, options.algorithm) as pair:
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
    found = call.connection.client_levels()
    if call.output.as_json:
        call.output.document(levels=found)
    else:
        call.output.table(found, _LEVEL_COLUMNS, nothing="The facility does not say.")
    return exits.OK


def _addresses(call: Call) -> int:
    found = call.connection.client_addresses()
    if call.output.as_json:
        call.output.document(addresses=found)
    else:
        call.output.record({"mine": found.address, **found.networks})
    return exits.OK


def _requests(call: Call) -> int:
    found = call.connection.client_requests()
    if call.output.as_json:
        call.output.document(requests=found)
    else:
        call.output.table(found, _REQUEST_COLUMNS, nothing="No requests.")
    return exits.OK


def _asked(parser: Parser) -> None:
    parser.add_argument("--purpose", required=True, metavar="TEXT", help="what it is for; staff decide by it")
    _new(parser)


def _request(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, options.name)
    with keys.pending_pair(path, options.algorithm) as pair:
        request = call.connection.request_client(
            options.name, options.level, options.ip or ["mine"], pair.public, options.purpose, **_wish(call)
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


def _told(call: Call, client: RegisteredClient) -> int:
    if call.output.as_json:
        call.output.document(client=client)
    else:
        call.output.record({title.lower(): value(client) for title, value in _DETAILS.items()})
    return exits.OK


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


_ONE = {"client": RegisteredClient}
_MADE = {**_ONE, "key_file": str}
_ASKED = {"request": ClientRequest}
COMMANDS = {
    "clients": Group(
        {
            "list": Command(_list, _account, {"clients": tuple[RegisteredClient, ...]}, "Yours."),
            "show": Command(_show, _id, _ONE, "One of them."),
            "create": Command(_create, _new, _MADE, "Make a key pair here and register it."),
            "change": Command(_change, _changes, _ONE, "What is left out stays as it is."),
            "renew": Command(_renew, _days, _ONE, "Let it live on from now."),
            "rotate": Command(_rotate, _new_key, _MADE, "Give it a new key, made here."),
            "revoke": Command(_revoke, _id, {"revoked": str}, "End its power at once and for good."),
            "levels": Command(
                _levels, answers={"levels": tuple[ClientLevel, ...]}, text="Power against lifetime and ranges."
            ),
            "addresses": Command(_addresses, answers={"addresses": ClientAddresses}, text="Yours, and ranges by name."),
            "requests": Command(
                _requests, answers={"requests": tuple[ClientRequest, ...]}, text="What you have asked staff for."
            ),
            "request": Command(_request, _asked, _ASKED, "Ask staff for one that you cannot make yourself."),
            "collect": Command(
                _collect, _request_id, {**_ASKED, "key_file": str}, "Make the key file of one approved."
            ),
            "withdraw": Command(_withdraw, _request_id, _ASKED, "Take back a request that waits."),
        },
        usual="list",
    )
}
