"""`Idempotency-Key`: a caller's own name for a request, so that sending it again cannot do it twice."""

from hashlib import blake2b
from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel

from superfacility.oauth.principal import Principal
from superfacility.tasks.queue import IdempotencyKey

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Your own name for this request: sent again, it answers with the first task and does nothing.",
    ),
]


def idempotency(
    request: Request, principal: Principal, body: BaseModel | None, key: str | None
) -> IdempotencyKey | None:
    """The key as the queue keeps it: scoped by caller, method and path, bound to the content of the body."""
    if key is None:
        return None
    content = b"" if body is None else body.model_dump_json().encode()
    fingerprint = blake2b(content, digest_size=32).hexdigest()
    return IdempotencyKey(principal.caller, request.method, request.url.path, key, fingerprint)
