"""`sfapi login`, `sfapi logout`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.parsing import Parser
from superfacility.client.connection import Connection
from superfacility.client.credentials.choice import login_file
from superfacility.client.credentials.key_files import find_key_file
from superfacility.client.credentials.saved import Saved
from superfacility.client.credentials.tokens import AccessToken, PlainToken
from superfacility.client.environment import read_environment
from superfacility.client.errors import SuperfacilityError
from superfacility.client.facilities import Facility, check_name, name_of, read_facilities, remember
from superfacility.core.clock import SystemClock

CLIENT_ID = "sfapi-cli"
"""A public client: every facility knows it, and it has no secret."""
_STAY = "offline_access"


@dataclass(frozen=True, slots=True)
class LoggedIn:
    """`by` is `login` or `key`."""

    facility: str
    url: str
    user: str
    by: str


@dataclass(frozen=True, slots=True)
class LoggedOut:
    """`revoked`: the facility has confirmed that the login is worthless now."""

    facility: str
    revoked: bool


def _arguments(parser: Parser) -> None:
    parser.add_argument("url", nargs="?", metavar="ADDRESS", help="of the facility; may be left out where it is known")
    parser.add_argument("--key", metavar="FILE", help="use this key file from now on, instead of logging in")
    parser.add_argument("--system", metavar="NAME", help="system that commands mean when none is named")
    parser.add_argument("--read-only", action="store_true", help="look, and change nothing: such a login lives longer")
    parser.add_argument("--scope", metavar="SCOPES", help="just these scopes, separated by blanks")


def _login(call: Call) -> int:
    options = call.options
    facility = replace(_meant(call), key=_key_path(options.key))
    if options.system:
        facility = replace(facility, system=options.system)
    user = _by_key(facility) if options.key else _by_device(call, facility)
    remember(facility, read_facilities())
    done = LoggedIn(facility.name, facility.url, user, "key" if options.key else "login")
    if call.output.as_json:
        call.output.document(login=done)
    else:
        call.output.note(f"You are {user} at {facility.name}.")
    return exits.OK


def _meant(call: Call) -> Facility:
    """A known one, or a new one under the name that `--facility` gives it."""
    known, options = read_facilities(), call.options
    if options.url is None:
        return known.chosen(options.facility, read_environment())
    given = options.url if "//" in options.url else f"https://{options.url}"
    name = check_name(options.facility or name_of(given))
    return replace(known.known.get(name, Facility(name, given)), url=given.rstrip("/"))


def _key_path(given: str | None) -> str | None:
    return str(find_key_file(given, read_environment().home).absolute()) if given else None


def _by_key(facility: Facility) -> str:
    """A key that cannot get a token is not remembered."""
    with Connection(facility, key=facility.key) as connection:
        return connection.account().name


def _by_device(call: Call, facility: Facility) -> str:
    with Connection(facility, credentials=PlainToken("")) as anonymous:
        code = anonymous.begin_login(CLIENT_ID, _scopes(call, anonymous.token_service()))
        call.output.note(f"Open  {code.verification_uri}\nEnter {code.user_code}")
        if code.complete_uri:
            call.output.note(f"Or open {code.complete_uri}")
        call.output.note("Waiting until you have agreed there (Ctrl-C gives up) ...")
        answer = anonymous.finish_login(code, CLIENT_ID)
    token = AccessToken.received(answer, SystemClock())
    file = login_file(facility, read_environment().home)
    with file.locked():
        file.write(Saved(CLIENT_ID, token, answer.get("refresh_token")))
    with Connection(facility, token=token.value) as connection:
        return connection.account().name


def _scopes(call: Call, service: Mapping[str, Any]) -> str:
    """What is asked for: all that the facility has, or what reads; and to stay logged in."""
    supported = [str(name) for name in service.get("scopes_supported") or ()]
    stay = [_STAY] if _STAY in supported else []
    if call.options.scope:
        return " ".join([*str(call.options.scope).split(), *stay])
    of_api = [name for name in supported if ":" in name]
    return " ".join([name for name in of_api if name.endswith(":read") or not call.options.read_only] + stay)


def _logout(call: Call) -> int:
    environment = read_environment()
    facility = read_facilities(environment).chosen(call.options.facility, environment)
    file = login_file(facility, environment.home)
    with file.locked():
        saved = file.read()
        revoked = saved is not None and _revoked(call, facility, saved)
        file.remove()
    if call.output.as_json:
        call.output.document(logout=LoggedOut(facility.name, revoked))
    elif saved is None:
        call.output.note(f"You were not logged in to {facility.name}.")
    else:
        call.output.note(f"Logged out of {facility.name}.")
    if facility.key and Path(facility.key).expanduser().exists():
        call.output.note(f"The key {facility.key} stays: end its power with sfapi clients revoke.")
    return exits.OK


def _revoked(call: Call, facility: Facility, saved: Saved) -> bool:
    """The login ends here in any case; that it lives on there is worth a word."""
    try:
        with Connection(facility, credentials=PlainToken(""), patience=5.0) as anonymous:
            if saved.refresh_token:
                done = anonymous.revoke_token(saved.refresh_token, saved.client_id)
            else:
                done = saved.access is not None and anonymous.revoke_token(
                    saved.access.value, saved.client_id, kind="access_token"
                )
    except SuperfacilityError as problem:
        call.output.note(f"The facility could not be told ({problem}). The login ends there by itself.")
        return False
    if not done:
        call.output.note("The facility does not revoke logins; this one ends there by itself.")
    return done


COMMANDS = {
    "login": Command(
        _login,
        _arguments,
        {"login": LoggedIn},
        examples=(
            "sfapi login https://api.example.org --facility example",
            "sfapi login https://api.example.org --key laptop.pem",
            "sfapi login --read-only",
        ),
    ),
    "logout": Command(_logout, answers={"logout": LoggedOut}),
}
