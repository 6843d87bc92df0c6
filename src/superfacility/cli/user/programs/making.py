"""`sfapi clients create`, and what is told of a client that is to be."""

from pathlib import Path
from typing import Any

from superfacility.cli.user.programs import keys
from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import short_time
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.errors import ConfigurationError
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
    parser.add_argument("--strict", action="store_true", help="take only what FAPI 2.0 allows as its proof")
    parser.add_argument("--dpop", action="store_true", help="bind its tokens to a key that it shows (RFC 9449)")
    parser.add_argument("--comments", metavar="TEXT")
    algorithm_option(parser)


def algorithm_option(parser: Parser) -> None:
    how = "how it signs: RS256 (what sfapi_client needs) if left out, of a strict client ES256"
    parser.add_argument("--algorithm", choices=("RS256", "ES256", "Ed25519"), help=how)


def algorithm(call: Call, *, strict: bool) -> str:
    chosen = call.options.algorithm or ("ES256" if strict else "RS256")
    if strict and chosen == "RS256":
        raise ConfigurationError("A strict client does not sign with RS256: choose --algorithm ES256 or Ed25519.")
    return str(chosen)


def wish(call: Call) -> dict[str, Any]:
    options = call.options
    return {
        "days": options.days,
        "user": options.user,
        "scopes": options.scope,
        "comments": options.comments,
        "project": options.project,
        "globus": options.globus or None,
        "strict": options.strict or None,
        "dpop": options.dpop or None,
    }


def ranges(call: Call) -> list[str]:
    return call.options.ip or ["mine"]


def _create(call: Call) -> int:
    options = call.options
    path = keys.key_path(options.out, options.name)
    with keys.new_pair(path, algorithm(call, strict=options.strict)) as pair:
        client = call.connection.create_client(options.name, options.level, ranges(call), pair.public, **wish(call))
        pair.write(client.id)
    if call.output.as_json:
        call.output.document(client=client, key_file=str(path))
        return exits.OK
    call.output.line(f"Client {client.id} ({client.level or options.level}) until {short_time(client.expires_at)}")
    call.output.note(f"Its key is in {path}. {next_step(client, path)}")
    return exits.OK


def next_step(client: RegisteredClient, path: Path) -> str:
    """What to do with its key file."""
    if client.strict or client.dpop:
        return "It is for a program that signs as FAPI 2.0 or RFC 9449 say: sfapi and sfapi_client do not."
    return f"Use it: sfapi login --key {path}"


COMMANDS = {"create": Command(_create, wanted, MADE, "Make a key pair here and register it.")}
