"""The adapter's options, as the configuration file has them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from superfacility.facility.errors import InvalidInput

STANDARD_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
LONGEST_CERTIFICATE = 15
"""Minutes; a longer one is refused whoever signed it."""
CREDENTIALS = ("ca_key", "ca_agent", "ca_command", "key_service", "user_keys")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_JUMP = re.compile(
    r"(?:(?P<account>[A-Za-z0-9_][A-Za-z0-9_.-]*)@)?(?P<host>[^@\s\[\]:]+|\[[^\]\s]+\])(?::(?P<port>\d+))?"
)


@dataclass(frozen=True, slots=True)
class Hop:
    """A machine on the way. `account` None: the calling user's own."""

    host: str
    port: int = 22
    account: str | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """How a system is reached. Exactly one of `CREDENTIALS` is set. Times are in seconds unless said."""

    host: str
    port: int = 22
    known_hosts: Path | None = None
    host_ca: Path | None = None
    jump: tuple[Hop, ...] = ()
    ca_key: Path | None = None
    ca_agent: Path | None = None
    ca_agent_key: Path | None = None
    ca_command: tuple[str, ...] = ()
    key_service: str | None = None
    key_service_token: Path | None = None
    user_keys: str | None = None
    certificate_minutes: int = 5
    source_address: tuple[str, ...] | None = None
    """Empty: anywhere. None: this machine's own address, where it is known."""
    connections_per_user: int = 2
    channels_per_connection: int = 8
    connections: int = 64
    idle_seconds: float = 120.0
    connect_timeout: float = 10.0
    probe_account: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    path: str = STANDARD_PATH

    @property
    def way(self) -> tuple[Hop, ...]:
        """The machines that are signed in to, one through the other; the last one is the login node."""
        return (*self.jump, Hop(self.host, self.port))


def read_options(options: Mapping[str, Any]) -> Options:
    """`InvalidInput`, naming the option, for one that is unknown, missing or of the wrong kind."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _READERS:
            raise InvalidInput(f"The SSH transport has no option {name!r}; there are: {', '.join(sorted(_READERS))}.")
        values[name] = _READERS[name](name, value)
    if "host" not in values:
        raise InvalidInput("The SSH transport needs `host`: the login node's name.")
    read = Options(**values)
    _check_together(read)
    return read


def _check_together(options: Options) -> None:
    given = [name for name in CREDENTIALS if getattr(options, name)]
    if len(given) != 1:
        raise InvalidInput(
            f"The SSH transport needs exactly one of {', '.join(CREDENTIALS)} to sign in with, not {given or 'none'}."
        )
    if (options.known_hosts is None) == (options.host_ca is None):
        raise InvalidInput(
            "The SSH transport needs either `known_hosts` (a file of host keys) or `host_ca` (the public key of the CA "
            "that signs them): host keys are always verified."
        )
    if options.ca_agent is not None and options.ca_agent_key is None:
        raise InvalidInput("`ca_agent` needs `ca_agent_key`: the file with the CA's public key.")
    if options.user_keys is not None and not options.user_keys.startswith("/"):
        raise InvalidInput("`user_keys` must be an absolute path; {user} in it stands for the user's name.")


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value or "\n" in value:
        raise InvalidInput(f"{name} must be a text of one line, not {value!r}.")
    return value


def _host(name: str, value: Any) -> str:
    if _text(name, value).startswith("-") or any(letter in value for letter in " @/"):
        raise InvalidInput(f"{name} must be the name or address of a machine, not {value!r}.")
    return str(value)


def _file(name: str, value: Any) -> Path:
    path = Path(_text(name, value))
    if not path.is_absolute():
        raise InvalidInput(f"{name} must be an absolute path, not {value!r}.")
    return path


def _between(lowest: int, highest: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise InvalidInput(f"{name} must be a whole number from {lowest} to {highest}, not {value!r}.")
        return value

    return read


def _seconds(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= 86_400:
        raise InvalidInput(f"{name} must be a number of seconds, not {value!r}.")
    return float(value)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise InvalidInput(f"{name} must be a list of texts, not {value!r}.")
    return tuple(_text(name, each) for each in value)


def _networks(name: str, value: Any) -> tuple[str, ...]:
    given = _texts(name, value)
    for each in given:
        try:
            ip_network(each)
        except ValueError as problem:
            raise InvalidInput(f"{name} must be a list of addresses and networks: {problem}.") from None
    return given


def _hops(name: str, value: Any) -> tuple[Hop, ...]:
    return tuple(_hop(name, each) for each in _texts(name, value))


def _hop(name: str, value: str) -> Hop:
    found = _JUMP.fullmatch(value)
    if found is None:
        raise InvalidInput(f"{name} must be a list of user@host:port, host:port or host, not {value!r}.")
    return Hop(found["host"].strip("[]"), int(found["port"] or 22), found["account"])


def _variables(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name} must be a table of variables, not {value!r}.")
    for variable in value:
        check_variable(variable)
    return {variable: _text(f"{name}.{variable}", text) for variable, text in value.items()}


def check_variable(name: str) -> None:
    """Anything else could be taken for a program, or for an option."""
    if _VARIABLE.fullmatch(name) is None:
        raise InvalidInput(f"{name!r} cannot be the name of an environment variable.")


_READERS: dict[str, Callable[[str, Any], Any]] = {
    "host": _host,
    "port": _between(1, 65_535),
    "known_hosts": _file,
    "host_ca": _file,
    "jump": _hops,
    "ca_key": _file,
    "ca_agent": _file,
    "ca_agent_key": _file,
    "ca_command": _texts,
    "key_service": _text,
    "key_service_token": _file,
    "user_keys": _text,
    "certificate_minutes": _between(1, LONGEST_CERTIFICATE),
    "source_address": _networks,
    "connections_per_user": _between(1, 100),
    "channels_per_connection": _between(2, 1000),
    "connections": _between(1, 10_000),
    "idle_seconds": _seconds,
    "connect_timeout": _seconds,
    "probe_account": _text,
    "environment": _variables,
    "path": _text,
}
