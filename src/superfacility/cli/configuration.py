"""Writes a configuration file in which every setting is explained, and the reference page of all settings."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from superfacility.settings import AdapterSettings, Settings

_WIDTH = 100
_HEAD = """\
# The configuration of a facility. Unknown keys are errors; lines with one # show the defaults.
# Relative paths begin in this file's folder. After a change: sfapi check --config FILE, then restart the server.
# Environment variables override it: SFAPI_SERVER__LOG_LEVEL=debug is log_level in [server].

"""


def render(values: Mapping[str, Any]) -> str:
    """The text of a file that holds `values`, a tree as TOML would load it."""
    return _HEAD + "\n".join(_table(Settings, values, ())).rstrip() + "\n"


def _table(model: type[BaseModel], values: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    """Plain keys first, as TOML wants them; then the tables below."""
    fields = {field.alias or name: field for name, field in model.model_fields.items()}
    for name, field in fields.items():
        if _nested(field) is None:
            yield from _key(name, field, values)
    for name, field in fields.items():
        if (below := _nested(field)) is not None:
            yield from _tables(below, field, values.get(name), (*path, name))


def _tables(model: type[BaseModel], field: FieldInfo, values: Any, path: tuple[str, ...]) -> Iterator[str]:
    if _is_mapping(field):
        for key, value in (values or {}).items():
            yield from _header(f"[{'.'.join((*path, key))}]", field.description)
            yield from _table(model, value, (*path, key))
    elif _is_sequence(field):
        for value in values or ():
            yield from _header(f"[[{'.'.join(path)}]]", field.description)
            yield from _table(model, value, path)
    elif values is None and field.default is None:
        yield from (line and f"## {line}" for line in _header(f"[{'.'.join(path)}]", field.description))
    else:
        yield from _header(f"[{'.'.join(path)}]", field.description)
        yield from _table(model, values or {}, path)


def _header(title: str, description: str | None) -> Iterator[str]:
    yield from ("", title + (f"  # {description}" if description else ""))


def _key(name: str, field: FieldInfo, values: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"# {line}" for line in _wrapped(field.description or ""))
    if name in values:
        yield f"{name} = {toml(values[name])}"
    elif field.default is None:
        yield f"# {name} = {toml(field.examples[0] if field.examples else '...')}"
    else:
        yield f"# {name} = {toml(field.default)}"


def toml(value: Any) -> str:
    """A value on one line of TOML."""
    match value:
        case AdapterSettings():
            return toml(value.model_dump())
        case bool():
            return "true" if value else "false"
        case int() | float() | date():
            return str(value)
        case Mapping():
            pairs = ", ".join(f"{key if _bare(key) else _text(key)} = {toml(each)}" for key, each in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list() | tuple():
            return f"[{', '.join(map(toml, value))}]"
        case _:
            return _text(str(value))


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # the one that JSON allows and TOML not


def _bare(key: str) -> bool:
    return key.replace("_", "").replace("-", "").isascii() and key.replace("_", "").replace("-", "").isalnum()


def _nested(field: FieldInfo) -> type[BaseModel] | None:
    """The model of a table, a table of tables or an array of tables; adapters are written inline."""
    for each in _arguments(field.annotation):
        if isinstance(each, type) and issubclass(each, BaseModel) and not issubclass(each, AdapterSettings):
            return each
    return None


def _arguments(annotation: Any) -> Iterator[Any]:
    yield annotation
    for each in get_args(annotation):
        yield from _arguments(each)


def _is_mapping(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is dict


def _is_sequence(field: FieldInfo) -> bool:
    return get_origin(field.annotation) is tuple


def _wrapped(text: str) -> Sequence[str]:
    import textwrap

    return textwrap.wrap(text, _WIDTH)


def reference() -> str:
    """The page docs/reference/configuration.md."""
    lines = [
        "# Configuration",
        "",
        "<!-- Written by `make docs` from src/superfacility/settings/; do not edit. -->",
        "",
        "One file, `superfacility.toml`. Unknown keys are errors. Relative paths begin in the file's folder. An",
        "environment variable overrides a setting: `SFAPI_` and the names, with `__` between table and key",
        "(`SFAPI_SERVER__LOG_LEVEL=debug`). `sfapi` finds the file by `--config`, by `SFAPI_CONFIG`, or as",
        "`./superfacility.toml`; after a change run `sfapi check` and restart the server.",
    ]
    return "\n".join([*lines, *_section(Settings, "")]) + "\n"


def _section(model: type[BaseModel], title: str) -> Iterator[str]:
    if title:
        yield from ("", f"## `{title}`", "", (model.__doc__ or "").strip())
    yield from ("", "| setting | type | default | meaning |", "|---|---|---|---|")
    below = []
    for name, field in model.model_fields.items():
        key = field.alias or name
        nested = _nested(field)
        if nested is None:
            yield f"| `{key}` | {_type(field)} | {_default(field)} | {field.description} |"
        else:
            prefix = title.strip("[]")
            full = f"{prefix}.{key}" if prefix else key
            below.append((nested, _title(field, full)))
    for nested, heading in below:
        yield from _section(nested, heading)


def _title(field: FieldInfo, name: str) -> str:
    if _is_mapping(field):
        return f"[{name}.NAME]"
    return f"[[{name}]]" if _is_sequence(field) else f"[{name}]"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    return "unset" if field.default is None else f"`{toml(field.default)}`"


def _type(field: FieldInfo) -> str:
    return _type_name(field.annotation)


def _type_name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{each}`" for each in arguments)
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(_type_name(each) for each in arguments if each is not type(None)))
    if origin is tuple:
        return f"list of {_type_name(arguments[0])}"
    if origin is dict:
        return f"table of {_type_name(arguments[1])}"
    if origin is not None:
        return _type_name(arguments[0])
    names = {
        str: "text",
        Path: "path",
        SecretStr: "URL",
        int: "number",
        float: "number",
        bool: "true or false",
        date: "date",
    }
    if isinstance(annotation, type) and issubclass(annotation, AdapterSettings):
        return "`{ adapter = NAME, … }`"
    return names.get(annotation, "network" if "Network" in str(annotation) else getattr(annotation, "__name__", "text"))
