"""Searches: whole or not at all, page by page."""

import time
from collections.abc import Iterator, Sequence
from typing import Any

from superfacility.adapters.ldap.connecting import Wire, told, whole
from superfacility.adapters.ldap.entries import STATE_ATTRIBUTES, Attributes, Entry
from superfacility.adapters.ldap.options import Options
from superfacility.facility.errors import Unavailable

_PAGES = "1.2.840.113556.1.4.319"
_SPECIAL = {"\\": r"\5c", "*": r"\2a", "(": r"\28", ")": r"\29", "\0": r"\00"}


def escaped(value: str) -> str:
    """A value as a filter takes it (RFC 4515, section 3); everything that is not ASCII by its bytes."""
    return "".join(
        _SPECIAL.get(letter) or (letter if letter.isascii() and letter.isprintable() else _bytes(letter))
        for letter in value
    )


def one_user(options: Options, name: str) -> str:
    return f"(&{options.user_filter}({options.name}={escaped(name)}))"


def these_groups(options: Options, names: Sequence[str]) -> str:
    wanted = "".join(f"({options.group_name}={escaped(name)})" for name in names)
    return f"(&{options.group_filter}(|{wanted}))"


def user_attributes(options: Options) -> list[str]:
    named = (options.name, options.number, options.id, options.first_name, options.last_name, options.mail)
    return list(dict.fromkeys((*named, options.phone, "gidNumber", *STATE_ATTRIBUTES)))


def group_attributes(options: Options) -> list[str]:
    return list(dict.fromkeys((options.group_name, "gidNumber", "memberUid", "member", "uniqueMember")))


def search(wire: Wire, options: Options, base: str, wanted: str, attributes: list[str], seconds: float) -> list[Entry]:
    """All entries below a base, `Unavailable` unless they are all there within that time."""
    end = time.monotonic() + seconds
    found: list[Entry] = []
    cookie: bytes | None = None
    with told(base):
        while True:
            left = end - time.monotonic()
            if left <= 0:
                raise Unavailable(f"The directory did not list {base} within {seconds:g} s.")
            wire.connection.search(
                base,
                wanted,
                attributes=attributes,
                paged_size=options.page_size,
                paged_cookie=cookie,
                time_limit=max(1, int(left)),
            )
            whole(wire.connection.result, base)
            found.extend(_entries(wire.connection.response or ()))
            if len(found) > options.most_entries:
                raise Unavailable(
                    f"{base} has more than {options.most_entries} entries: narrow the filter, or raise most_entries."
                )
            cookie = _next_page(wire.connection.result)
            if not cookie:
                return found


def _entries(response: Sequence[dict[str, Any]]) -> Iterator[Entry]:
    """References to other servers are not followed: what they would say comes from a server that nobody has named."""
    for each in response:
        if each.get("type") == "searchResEntry":
            yield Entry(str(each["dn"]), _attributes(each["raw_attributes"]))


def _attributes(raw: Any) -> Attributes:
    return {str(name).lower(): [bytes(value) for value in values] for name, values in raw.items()}


def _next_page(result: dict[str, Any]) -> bytes | None:
    control = (result.get("controls") or {}).get(_PAGES)
    return None if control is None else control["value"]["cookie"] or None


def _bytes(letter: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in letter.encode("utf-8", "surrogatepass"))
