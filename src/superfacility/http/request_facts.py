"""What is found out about a request while it is answered: its id, and who calls. Layers around the application read it.

It is kept in the request's `state` (of ASGI), which layers that change a request hand on as it is.
"""

import re
from collections.abc import MutableMapping
from itertools import count
from typing import Any, cast

from superfacility.core.identifiers import new_uuid
from superfacility.oauth.principal import Principal

_FIT = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_PREFIX = new_uuid().hex[:16].encode()
_NUMBERS = count(1)
_ID, _CALLER = "superfacility.request_id", "superfacility.caller"

Asked = MutableMapping[str, Any]
"""A request, as ASGI's scope."""


def request_id(asked: Asked) -> bytes:
    """The caller's, if it is fit for a log, or a new one; the same whoever wants to know it."""
    state = asked.setdefault("state", {})
    found = state.get(_ID)
    if found is None:
        found = state[_ID] = _chosen(asked)
    return cast("bytes", found)


def note_caller(asked: Asked, principal: Principal) -> None:
    """Once a token has proven who it is, whatever they may do."""
    asked.setdefault("state", {})[_CALLER] = principal


def caller_of(asked: Asked) -> Principal | None:
    found: Principal | None = asked.get("state", {}).get(_CALLER)
    return found


def _chosen(asked: Asked) -> bytes:
    for name, value in asked["headers"]:
        if name == b"x-request-id" and _FIT.fullmatch(value):
            return cast("bytes", value)
    return _PREFIX + b"%016x" % next(_NUMBERS)
