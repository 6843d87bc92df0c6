"""The adapter's options, as the configuration file has them."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from superfacility.facility.errors import InvalidInput

_ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9;-]{0,63}")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server listens. `tls`: encrypted from the first byte; `upgrade`: by StartTLS before anything is said."""

    host: str
    port: int
    tls: bool
    upgrade: bool


@dataclass(frozen=True, slots=True)
class Options:
    """How the directory is asked. Times are in seconds. Without `bind_dn` nobody logs in (`anonymous`)."""

    servers: tuple[ServerAddress, ...]
    user_base: str
    group_base: str
    bind_dn: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    schema: str = "rfc2307"
    user_filter: str = "(objectClass=posixAccount)"
    group_filter: str = "(objectClass=posixGroup)"
    name: str = "uid"
    number: str = "uidNumber"
    id: str = "entryUUID"
    first_name: str = "givenName"
    last_name: str = "sn"
    mail: str = "mail"
    phone: str = "telephoneNumber"
    group_name: str = "cn"
    least_number: int = 1000
    locked_shells: tuple[str, ...] = ()
    time_limit: int = 5
    read_time_limit: int = 120
    page_size: int = 500
    most_entries: int = 200_000
    connections: int = 4


def read_options(options: Mapping[str, Any], path: Callable[[str], Path]) -> Options:
    """`InvalidInput`, naming the option, for one that is unknown, missing or of the wrong kind."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _READERS:
            raise InvalidInput(f"The LDAP directory has no option {name!r}; there are: {', '.join(sorted(_READERS))}.")
        attribute, reader = _READERS[name]
        try:
            values[attribute] = reader(value)
        except ValueError as problem:
            raise InvalidInput(f"{name} {problem}, not {value!r}.") from None
    _complete(values)
    for name in ("password_file", "ca_file"):
        if name in values:
            values[name] = path(values[name])
    return Options(**values)


def _complete(values: dict[str, Any]) -> None:
    """What belongs together, and what follows from it."""
    for name in ("urls", "user_base"):
        if name not in values:
            raise InvalidInput(f"The LDAP directory needs `{name}`.")
    anonymous, plain = values.pop("anonymous", False), values.pop("plaintext", False)
    if ("bind_dn" in values) != ("password_file" in values):
        raise InvalidInput("`bind_dn` and `password_file` belong together: who reads, and the file with the password.")
    if ("bind_dn" in values) == anonymous:
        raise InvalidInput("The LDAP directory needs either `bind_dn` and `password_file`, or `anonymous = true`.")
    values["servers"] = tuple(_address(url, plain) for url in values.pop("urls"))
    values.setdefault("group_base", values["user_base"])
    if values.get("schema") == "rfc2307bis":
        values.setdefault("group_filter", "(|(objectClass=posixGroup)(objectClass=groupOfNames))")


def _address(url: str, plain: bool) -> ServerAddress:
    parts = urlsplit(url)
    tls = parts.scheme == "ldaps"
    try:
        port = parts.port or (636 if tls else 389)
    except ValueError:
        port = 0
    if parts.scheme not in {"ldap", "ldaps"} or not parts.hostname or parts.path.strip("/") or parts.query or not port:
        raise InvalidInput(f"urls: {url!r} must be ldaps://host, or ldap://host (by StartTLS), perhaps with a port.")
    if plain and not tls and not _is_loopback(parts.hostname):
        raise InvalidInput(
            f"urls: {url}: without encryption anybody on the way reads the password and says who people are. "
            "`plaintext = true` is for a server on this machine: take it out."
        )
    return ServerAddress(parts.hostname, port, tls, upgrade=not tls and not plain)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isprintable():
        raise ValueError("must be a text of one line")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list of texts")
    return tuple(_text(each) for each in value)


def _filter(value: Any) -> str:
    if not _text(value).startswith("(") or not value.endswith(")") or value.count("(") != value.count(")"):
        raise ValueError("must be a filter as RFC 4515 writes it, like (objectClass=posixAccount)")
    return str(value)


def _attribute(value: Any) -> str:
    if not _ATTRIBUTE.fullmatch(_text(value)):
        raise ValueError("must be the name of an attribute")
    return str(value)


def _schema(value: Any) -> str:
    if value not in {"rfc2307", "rfc2307bis"}:
        raise ValueError("must be rfc2307 (memberUid has names) or rfc2307bis (member has DNs)")
    return str(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _between(lowest: int, highest: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return value

    return read


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "urls": ("urls", _texts),
    "plaintext": ("plaintext", _boolean),
    "anonymous": ("anonymous", _boolean),
    "bind_dn": ("bind_dn", _text),
    "password_file": ("password_file", _text),
    "ca_file": ("ca_file", _text),
    "schema": ("schema", _schema),
    "user_base": ("user_base", _text),
    "user_filter": ("user_filter", _filter),
    "group_base": ("group_base", _text),
    "group_filter": ("group_filter", _filter),
    "name_attribute": ("name", _attribute),
    "number_attribute": ("number", _attribute),
    "id_attribute": ("id", _attribute),
    "first_name_attribute": ("first_name", _attribute),
    "last_name_attribute": ("last_name", _attribute),
    "mail_attribute": ("mail", _attribute),
    "phone_attribute": ("phone", _attribute),
    "group_name_attribute": ("group_name", _attribute),
    "least_number": ("least_number", _between(1, 2_000_000_000)),
    "locked_shells": ("locked_shells", _texts),
    "time_limit_seconds": ("time_limit", _between(1, 60)),
    "read_time_limit_seconds": ("read_time_limit", _between(1, 3600)),
    "page_size": ("page_size", _between(1, 10_000)),
    "most_entries": ("most_entries", _between(1, 10_000_000)),
    "connections": ("connections", _between(1, 64)),
}
