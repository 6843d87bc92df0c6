"""`Idempotency-Key`: a caller's own name for a request, so that sending it again cannot do it twice."""

from collections.abc import Awaitable, Callable
from functools import wraps
from hashlib import blake2b
from inspect import Parameter, signature
from typing import Annotated, Any, TypeVar, cast

from fastapi import Header, Request
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from superfacility.facility.errors import Doubtful, InvalidInput
from superfacility.oauth.principal import Principal
from superfacility.services.answers import ANSWER_LOST
from superfacility.services.services import Services
from superfacility.tasks.keys import IdempotencyKey

KeyHeader = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        description="Your own name for this request: sent again, it does nothing, and is answered as the first time.",
    ),
]

Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[BaseModel]])


def idempotency(
    request: Request, principal: Principal, body: BaseModel | None, key: str | None
) -> IdempotencyKey | None:
    """The key as it is kept: scoped by caller, method and path, bound to the content of the body."""
    if key is None:
        return None
    try:
        content = b"" if body is None else body.model_dump_json().encode()
    except PydanticSerializationError as problem:
        raise InvalidInput("The body is nested too deeply.") from problem
    fingerprint = blake2b(request.scope["query_string"] + b"\0" + content, digest_size=32).hexdigest()
    return IdempotencyKey(principal.caller, request.method, request.url.path, key, fingerprint)


def answered_once(endpoint: Endpoint) -> Endpoint:
    """Let an endpoint that makes no task take an `Idempotency-Key`: with one, its answer is kept for a day.

    The endpoint has parameters `principal` and `use_cases`, perhaps a `body`, and says by its annotation which model it
    returns.
    """
    declared = signature(endpoint, eval_str=True)
    shape: TypeAdapter[BaseModel] = TypeAdapter(declared.return_annotation)

    @wraps(endpoint)
    async def answering(*, keyed_request: Request, idempotency_key: str | None, **given: Any) -> BaseModel:
        key = idempotency(keyed_request, given["principal"], given.get("body"), idempotency_key)
        if key is None:
            return await endpoint(**given)

        async def do() -> str:
            return shape.dump_json(await endpoint(**given)).decode()

        use_cases: Services = given["use_cases"]
        return _read(shape, await use_cases.answers.once(key, do))

    added = [
        Parameter("keyed_request", Parameter.KEYWORD_ONLY, annotation=Request),
        Parameter("idempotency_key", Parameter.KEYWORD_ONLY, annotation=KeyHeader, default=None),
    ]
    answering.__signature__ = declared.replace(  # type: ignore[attr-defined]  # what FastAPI reads
        parameters=[*declared.parameters.values(), *added]
    )
    return cast("Endpoint", answering)


def _read(shape: TypeAdapter[BaseModel], answer: str) -> BaseModel:
    """Another release may have kept another shape. What it was is told to nobody: it may hold a secret."""
    try:
        return shape.validate_json(answer)
    except ValidationError:
        raise Doubtful(ANSWER_LOST) from None
