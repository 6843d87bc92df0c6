"""Clients as somebody wants them, made into clients as they may be kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from superfacility.facility.errors import InvalidInput
from superfacility.oauth.addresses import UNIX_SOCKET, parse_address
from superfacility.oauth.client_keys import public_jwk, public_key
from superfacility.oauth.clients import ClientKey
from superfacility.oauth.scopes import BOUND_SCOPES, Scope, SecurityLevel, scopes_of

MAX_NAME_LENGTH = 100
MAX_TEXT_LENGTH = 2000
MAX_KEYS = 5
MINE = "mine"
"""In place of a range: the address that the caller is seen at."""


@dataclass(frozen=True, slots=True)
class Wish:
    """`ranges` are CIDRs, names of networks, or `mine`. `key` is a public key, as JWK or PEM. Without `scopes` all of
    the level, without `lifetime` the longest, without `user` the caller's own. Without `strict` and `dpop` it proves
    itself as the program that makes it; where a person does, as every client."""

    name: str
    level: SecurityLevel
    ranges: tuple[str, ...]
    key: Mapping[str, Any] | str
    scopes: tuple[str, ...] | None = None
    lifetime: timedelta | None = None
    comments: str = ""
    user: str | None = None
    project: str | None = None
    globus: bool = False
    strict: bool | None = None
    dpop: bool | None = None


def looked_up(ranges: Iterable[str], networks: Mapping[str, tuple[str, ...]], address: str) -> tuple[str, ...]:
    """With CIDRs in place of names."""
    found: list[str] = []
    for each in ranges:
        name = each.strip()
        if name == MINE:
            if address == UNIX_SOCKET or parse_address(address) is None:
                raise InvalidInput("Your address is not known here: write the range as a CIDR.")
            found.append(address)
        else:
            found += networks.get(name, (each,))
    return tuple(found)


def checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidInput(f"A client's name has 1 to {MAX_NAME_LENGTH} printable characters.")
    return name


def checked_text(text: str, what: str) -> str:
    """Lines of words."""
    text = text.strip()
    if len(text) > MAX_TEXT_LENGTH or not all(line.isprintable() for line in text.replace("\t", " ").split("\n")):
        raise InvalidInput(f"{what} has at most {MAX_TEXT_LENGTH} printable characters.")
    return text


def checked_scopes(level: SecurityLevel, names: Iterable[str] | None, *, bound: bool = False) -> frozenset[Scope]:
    """`bound`: for a client that is bound to a project."""
    granted = scopes_of(level) & BOUND_SCOPES if bound else scopes_of(level)
    if names is None:
        return granted
    wanted = frozenset(_scope(name) for name in names)
    beyond = wanted - granted
    if bound and beyond & scopes_of(level):
        raise InvalidInput(
            f"A client that is bound to a project cannot have {', '.join(sorted(beyond))}: that knows no projects."
        )
    if beyond:
        raise InvalidInput(
            f"The level {level.label} does not grant {', '.join(sorted(beyond))}: choose a higher level."
        )
    if not wanted:
        raise InvalidInput("A client needs at least one scope.")
    return wanted


def checked_keys(keys: Iterable[Mapping[str, Any]]) -> tuple[ClientKey, ...]:
    checked = tuple(ClientKey(public_jwk(key)) for key in keys)
    if not 1 <= len(checked) <= MAX_KEYS:
        raise InvalidInput(f"A client has 1 to {MAX_KEYS} public keys, not {len(checked)}.")
    return checked


def checked_key(key: Mapping[str, Any] | str) -> ClientKey:
    return ClientKey(public_key(key))


def _scope(name: str) -> Scope:
    try:
        return Scope(name)
    except ValueError:
        raise InvalidInput(f"There is no scope {name!r}; there are: {', '.join(Scope)}.") from None
