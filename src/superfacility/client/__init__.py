"""The Python client: a facility over its public HTTP API, for any program.

`Connection` is for plain programs, `AsyncConnection` for those with an event loop; both make the same calls and answer
with the same frozen dataclasses (`superfacility.client.records`). What goes wrong is in `superfacility.client.errors`.
Nothing of a server belongs here: this package knows `core` and libraries, and loads in a few milliseconds.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from superfacility.client.async_connection import AsyncConnection
    from superfacility.client.connection import Connection
    from superfacility.client.credentials.assertions import new_key_pair

__all__ = ["AsyncConnection", "Connection", "new_key_pair"]

_PLACES = {
    "AsyncConnection": "superfacility.client.async_connection",
    "Connection": "superfacility.client.connection",
    "new_key_pair": "superfacility.client.credentials.assertions",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, and no more."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_PLACES[name]), name)
