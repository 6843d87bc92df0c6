"""JSON Schemas of what `--json` prints, made from the types that commands declare: the stable part of their output.

Fields are added, never removed or changed in meaning, within one version of `sfapi`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

from superfacility.cli.user.dispatch import load
from superfacility.cli.user.table import TABLE
from superfacility.cli.user.terminal.command import Command

_SIMPLE: Mapping[Any, str] = {
    str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null", datetime: "string",
}  # fmt: skip

ERROR: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["kind", "message", "next", "request_id", "exit_code"],
            "properties": {
                "kind": {
                    "enum": [
                        "configuration", "invalid_request", "not_authenticated", "not_permitted", "not_found",
                        "unavailable", "timed_out", "failed",
                    ]
                },
                "message": {"type": "string"},
                "next": {"type": ["string", "null"]},
                "request_id": {"type": ["string", "null"]},
                "exit_code": {"type": "integer"},
            },
        }
    },
}  # fmt: skip
"""What is on standard error, as its last line, where a command with `--json` fails."""


def every_schema() -> Iterator[tuple[str, dict[str, Any]]]:
    """`jobs`, `tasks list` … and the schema of its document."""
    for name in TABLE:
        found = load(name)
        commands = {name: found} if isinstance(found, Command) else {f"{name} {v}": c for v, c in found.verbs.items()}
        for spelled, command in commands.items():
            if command.answers is not None:
                yield spelled, document_schema(command.answers)


def document_schema(answers: Mapping[str, Any]) -> dict[str, Any]:
    """The whole document. Keys that may be None may also be left out."""
    required = [name for name, kind in answers.items() if kind is not Any and NoneType not in get_args(kind)]
    properties = {name: type_schema(kind) for name, kind in answers.items()}
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


def type_schema(kind: Any) -> dict[str, Any]:
    if kind is Any:
        return {}
    if kind in _SIMPLE:
        form = {"format": "date-time-or-local"} if kind is datetime else {}
        return {"type": _SIMPLE[kind], **form}
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        properties = {each.name: type_schema(hints[each.name]) for each in fields(kind)}
        return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return {"anyOf": [type_schema(each) for each in arguments]}
    if origin is tuple:
        return {"type": "array", "items": type_schema(arguments[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object"}
    raise TypeError(f"{kind} has no schema")
