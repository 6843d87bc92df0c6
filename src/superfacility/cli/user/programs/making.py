"""`sfapi clients create`, and what is told of a client that is to be."""

from typing import Any

from superfacility.cli.user.programs import keys
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.records.clients import RegisteredClient

LEVELS = ("green", "yellow", "orange", "red")
MADE = {"client": RegisteredClient, "key_file": str}


def wanted(parser: Parser) -> None:
    parser.add_argument("--name", required=True, help="for people")
    parser.add_argument("--level", required=True, choices=LEVELS, help="how much it may do; see `sfapi clients levels`")
    where = "where it may call from: CIDR, a name of `sfapi clients addresses`, or `mine` (the usual); may be repeated"
    parser.add_argument("--ip", action="append", metavar="RANGE", help=where)
    parser.add_argument("--out", metavar="FILE", help="new key file, .json or PEM (~/.superfacility/NAME.pem)")
    parser.add_argument("--days", type=float, metavar="N", help="until it expires; as many as its level allows")
    parser.add_argument("--user", metavar="NAME", help="collaboration account that it acts as; you, if left out")
    parser.add_argument("--scope", action="append", metavar="SCOPE", help="fewer than its level has; may be repeated")
    parser.add_argument("--project", metavar="NAME", help="bind it to one project")
    parser.add_argument("--globus", action="store_true", help="it may copy between named endpoints")
    parser.add_argument("--comments", metavar="TEXT")
    algorithm_option(parser)


def algorithm_option(parser: Parser) -> None:
    parser.add_argument(
        "--algorithm", choices=("RS256", "ES256", "Ed25519"), default="RS256", help="sfapi_client: RS256"
    )


def wish(call: Call) -> dict[str, Any]:
    options = call.options
    return {
        "days": options.days,
        "user": options.user,
        "scopes": options.scope,
        "comments": options.comments,
        "project": options.project,
        "globus": options.globus or None,
    }


def ranges(call: Call) -> list[str]:
    return call.options.ip or ["mine"]


def _create(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, options.name)
    with keys.new_pair(path, options.algorithm) as pair:
        client = call.connection.create_client(options.name, options.level, ranges(call), pair.public, **wish(call))
        pair.write(client.id)
    if call.output.as_json:
        call.output.document(client=client, key_file=str(path))
        return exits.OK
    call.output.line(f"Client {client.id} ({client.level or options.level}) until {short_time(client.expires_at)}")
    call.output.note(f"Its key is in {path}. Use it: sfapi login --key {path}")
    return exits.OK


COMMANDS = {"create": Command(_create, wanted, MADE, "Make a key pair here and register it.")}
