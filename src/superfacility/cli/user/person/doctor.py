"""`sfapi doctor`: looks at everything between a person and a facility, and says what to do about what it finds."""

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

from superfacility.cli.user.terminal import exits
from superfacility.cli.user.terminal.command import Call, Command
from superfacility.cli.user.terminal.output import short_time
from superfacility.client.blocking import completed
from superfacility.client.credentials.choice import login_file
from superfacility.client.credentials.key_files import check_private, read_key_file
from superfacility.client.environment import proxy_for, read_environment
from superfacility.client.errors import ConfigurationError, NotAuthenticated, SuperfacilityError
from superfacility.client.facilities import FILE_NAME, read_facilities
from superfacility.client.transport.messages import whole
from superfacility.client.wire.session import Ask
from superfacility.core.clock import SystemClock

_NEEDED = frozenset({"facility", "certificate"})
"""Without these nothing else can be looked at."""
_SKEW = 5.0
_TOO_MUCH_SKEW = 60.0
_SOON = timedelta(days=7)
_SOON_OF_SHORT = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Check:
    """`state`: ok, warning, problem, or unknown where it could not be looked at."""

    name: str
    state: str
    found: str
    advice: str = ""


def _doctor(call: Call) -> int:
    found: list[Check] = []
    for look in _LOOKS:
        for check in _looked(look, call):
            found.append(check)
            if not call.output.as_json:
                call.output.line(f"{check.state:<8} {check.name}: {check.found}")
                if check.advice:
                    call.output.line(f"{'':8} -> {check.advice}")
        if any(check.name in _NEEDED and check.state == "problem" for check in found):
            break
    if call.output.as_json:
        call.output.document(checks=found)
    return exits.FAILED if any(check.state == "problem" for check in found) else exits.OK


def _looked(look: Callable[[Call], Iterator[Check]], call: Call) -> Iterator[Check]:
    try:
        yield from look(call)
    except SuperfacilityError as problem:
        yield Check(_name(look), "problem", str(problem))


def _configuration(call: Call) -> Iterator[Check]:
    environment = read_environment()
    known = read_facilities(environment)
    names = ", ".join(sorted(known.known)) or "none"
    yield Check("configuration", "ok", f"{known.folder / FILE_NAME} knows: {names}")


def _keys(_: Call) -> Iterator[Check]:
    """Every key in the folder, whether it is used or not."""
    folder = read_environment().home
    if not folder.is_dir():
        return
    if stat.S_IMODE(folder.stat().st_mode) & 0o022:
        yield Check("keys", "problem", f"others may change {folder}", f"chmod 700 {folder}")
    for path in sorted([*folder.glob("*.pem"), *folder.glob("*.json")]):
        yield _key(path)


def _key(path: Path) -> Check:
    try:
        check_private(path)
        key = read_key_file(path)
    except ConfigurationError as problem:
        return Check("key", "problem", str(problem))
    except OSError as problem:
        return Check("key", "problem", f"{path} cannot be read: {problem.strerror}")
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode != 0o600:
        return Check("key", "warning", f"{path} has mode {mode:04o}; sfapi_client wants 0600", f"chmod 600 {path}")
    return Check("key", "ok", f"{path} is of client {key.client_id}")


def _facility(call: Call) -> Iterator[Check]:
    connection = call.connection
    address = urlsplit(connection.session.api)
    host = address.hostname or ""
    if proxy := proxy_for(address.scheme, host):
        through = urlsplit(proxy if "//" in proxy else f"//{proxy}")
        words = (
            f"{host} is reached through {through.hostname}:{through.port or 80}, as {address.scheme.upper()}_PROXY says"
        )
        yield Check("proxy", "ok", words, f"if you need none for it: export NO_PROXY={host}")
    clock = SystemClock()
    began = clock.monotonic()
    try:
        reply = completed(connection.session.reply(Ask("GET", "status", public=True)))
    except ConfigurationError as problem:
        yield Check("certificate", "problem", str(problem))
        return
    completed(whole(reply))
    took = clock.monotonic() - began
    yield Check("facility", "ok", f"{connection.session.api} answers in {1000 * took:.0f} ms")
    if address.scheme == "http" and host not in {"localhost", "127.0.0.1", "::1"}:
        yield Check("TLS", "problem", "the address is http: tokens can be read on the way", "use https://")
    elif address.scheme == "https":
        trusted = connection.facility.ca_file or "the machine's certificates"
        yield Check("TLS", "ok", f"its certificate is good by {trusted}")
    yield _skew(reply.headers.get("date", ""), clock.now())


def _skew(date: str, now: datetime) -> Check:
    try:
        there = parsedate_to_datetime(date)
    except ValueError:
        return Check("clock", "unknown", "the server does not tell its time")
    seconds = (now - there.replace(tzinfo=there.tzinfo or UTC)).total_seconds()
    words = f"this machine is {abs(seconds):.0f} s {'ahead' if seconds > 0 else 'behind'}"
    if abs(seconds) < _SKEW:
        return Check("clock", "ok", "this machine and the facility agree")
    if abs(seconds) < _TOO_MUCH_SKEW:
        return Check("clock", "warning", words, "set the clock by NTP: with more than a minute, keys stop working")
    return Check("clock", "problem", words, "set the clock by NTP (timedatectl set-ntp true): proofs look expired")


def _identity(call: Call) -> Iterator[Check]:
    connection = call.connection
    if connection.access_token() is None:
        file = login_file(connection.facility, read_environment().home)
        yield Check("login", "warning", f"no key and no login ({file.path.parent})", "sfapi login")
        return
    account, claims = connection.account(), connection.token_claims()
    level, client_id = claims.get("level") or "unknown", claims.get("client_id")
    yield Check("login", "ok", f"you are {account.name}, by client {client_id} of level {level}")


def _clients(call: Call) -> Iterator[Check]:
    connection = call.connection
    if connection.access_token() is None:
        return
    own, now = connection.token_claims().get("client_id"), SystemClock().now()
    for client in connection.clients():
        if client.expires_at is None or client.state in {"revoked", "expired"}:
            continue
        left, mine = client.expires_at - now, " (this one)" if client.id == own else ""
        soon = _SOON_OF_SHORT if client.level == "red" else _SOON
        if timedelta() < left < soon:
            words = f"{client.level} client {client.id} {client.name!r}{mine} ends in {_span(left)}"
            yield Check("client", "warning", words, f"sfapi clients renew {client.id}")
        elif mine and left > timedelta():
            yield Check("client", "ok", f"{client.id}{mine} lives until {short_time(client.expires_at)}")


def _address(call: Call) -> Iterator[Check]:
    connection = call.connection
    if connection.access_token() is None:
        return
    try:
        found = connection.client_addresses()
    except NotAuthenticated:
        raise
    except SuperfacilityError:
        yield Check("address", "unknown", "this facility does not say at which address it sees you")
        return
    yield Check("address", "ok", f"the facility sees you at {found.address}")


def _span(left: timedelta) -> str:
    hours = left.total_seconds() / 3600
    return f"{hours / 24:.0f} days" if hours >= 48 else f"{hours:.0f} hours"


def _name(look: Callable[[Call], Iterator[Check]]) -> str:
    return look.__name__.lstrip("_")


_LOOKS: tuple[Callable[[Call], Iterator[Check]], ...] = (
    _configuration, _keys, _facility, _identity, _clients, _address,
)  # fmt: skip
COMMANDS = {"doctor": Command(_doctor, answers={"checks": tuple[Check, ...]})}
