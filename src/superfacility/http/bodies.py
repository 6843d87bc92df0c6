"""Request bodies as people send them: forms, multipart forms and JSON objects, all read into one pydantic model.

Existing programs write `True` for a boolean, an empty value for none, repeat a key for a list, or paste a command
into the body without encoding it. Unknown fields are ignored and never bound. What is wrong is a 422 in FastAPI's
shape.
"""

import re
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Generic, TypeVar, get_args, get_origin
from urllib.parse import unquote_to_bytes

import orjson
from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.formparsers import MultiPartException, MultiPartParser

BODY_LIMIT = 4 * 1024 * 1024
"""Bytes of a body: a long job script fits."""
FIELD_LIMIT = 5000
"""Fields of a form, and values of a list: each costs far more than its bytes, above all one that is wrong."""

Body = TypeVar("Body", bound=BaseModel)
Pairs = list[tuple[str, str]]

# No encoder leaves these in a form; where they stand, somebody pasted text as it was.
_PASTED = re.compile(rb"[\s<>|\"]")


class FormBody(Generic[Body]):
    """The dependency behind `form_body`; `model` is what openapi documents."""

    def __init__(self, model: type[Body], limit: int) -> None:
        self.model = model
        self._limit = limit
        self._fields = {field.alias or name: field for name, field in model.model_fields.items()}
        self._lists = frozenset(name for name, field in self._fields.items() if _is_list(field.annotation))

    async def __call__(self, request: Request) -> Body:
        raw = await _read(request, self._limit)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind == "application/json" or kind.endswith("+json"):
            values = self._from_json(raw)
        elif kind == "multipart/form-data":
            values = self._from_pairs(await _multipart_pairs(request, raw))
        else:
            values = self._from_pairs(_form_pairs(raw, frozenset(self._fields)))
        return self._validated(values)

    def _from_json(self, raw: bytes) -> dict[str, Any]:
        try:
            found = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise _invalid("json_invalid", f"The body is not JSON: {error}") from error
        if not isinstance(found, dict):
            raise _invalid("json_object", "The body must be a JSON object.")
        values = {key: value for key, value in found.items() if value is not None and key in self._fields}
        for key in self._lists & values.keys():
            value = values[key] if isinstance(values[key], list) else [values[key]]
            _check_count(len(value))
            values[key] = [each for each in value if each != ""]
        return values

    def _from_pairs(self, pairs: Pairs) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for key, value in pairs:
            field = self._fields.get(key)
            if field is None:
                continue
            if key in self._lists:
                values.setdefault(key, [])
                if value:
                    values[key].append(value)
            elif value or field.is_required():
                values[key] = value
        return values

    def _validated(self, values: dict[str, Any]) -> Body:
        try:
            return self.model.model_validate(values)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False, include_input=False)
            raise RequestValidationError([{**each, "loc": ("body", *each["loc"])} for each in problems]) from error


def form_body(model: type[Body], *, limit: int = BODY_LIMIT) -> Any:
    """`body: Annotated[Model, form_body(Model)]`."""
    return Depends(FormBody(model, limit))


async def _read(request: Request, limit: int) -> bytes:
    pieces = bytearray()
    async for piece in request.stream():
        pieces += piece
        if len(pieces) > limit:
            raise HTTPException(
                413, f"The body is longer than {limit:,} bytes; upload large scripts and data with /utilities/upload."
            )
    return bytes(pieces)


def _form_pairs(raw: bytes, known: frozenset[str]) -> Pairs:
    raw = raw.rstrip(b"\r\n")
    if _PASTED.search(raw):
        return _pasted_pairs(raw, known)
    _check_count(raw.count(b"&") + 1)
    return [
        (_decoded(key.replace(b"+", b" ")), _decoded(value.replace(b"+", b" ")))
        for key, _, value in (piece.partition(b"=") for piece in raw.split(b"&"))
    ]


def _pasted_pairs(raw: bytes, known: frozenset[str]) -> Pairs:
    """Superfacility.jl posts `executable=<raw text>`: an `&` ends a value only where a field's name and `=` follow."""
    names = b"|".join(re.escape(name.encode()) for name in sorted(known, key=len, reverse=True))
    starts = list(re.finditer(rb"(?:^|&)(" + names + rb")=", raw)) if names else []
    if not starts:
        return []
    _check_count(len(starts))
    ends = [*(each.start() for each in starts[1:]), len(raw)]
    return [(start[1].decode(), _decoded(raw[start.end() : end])) for start, end in zip(starts, ends, strict=True)]


def _check_count(count: int) -> None:
    if count > FIELD_LIMIT:
        raise _invalid("too_long", f"The body has {count:,} fields or values of one; {FIELD_LIMIT:,} are taken.")


def _decoded(text: bytes) -> str:
    return unquote_to_bytes(text).decode(errors="replace")


async def _multipart_pairs(request: Request, raw: bytes) -> Pairs:
    async def once() -> AsyncGenerator[bytes, None]:
        yield raw

    try:
        form = await MultiPartParser(request.headers, once(), max_part_size=BODY_LIMIT).parse()
    except (MultiPartException, KeyError, ValueError) as error:
        raise _invalid("multipart_invalid", f"The body is not a multipart form: {error}") from error
    try:
        return [(key, await _text(value)) for key, value in form.multi_items()]
    finally:
        await form.close()


async def _text(value: Any) -> str:
    return value if isinstance(value, str) else (await value.read()).decode(errors="replace")


def _is_list(annotation: Any) -> bool:
    options: Iterable[Any] = (annotation, *get_args(annotation))
    return any((get_origin(each) or each) in (list, tuple, set, frozenset) for each in options)


def _invalid(kind: str, message: str) -> RequestValidationError:
    return RequestValidationError([{"type": kind, "loc": ("body",), "msg": message}])
