"""Kinds of values and tables that settings are made of."""

import re
from pathlib import Path
from string import Formatter
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
)

_PLACEHOLDERS = frozenset({"user", "initial", "project"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_NO_PATH = re.compile(r"postgres\w*:|.*\bpassword\s*=", re.IGNORECASE)
_CODED = "%[0-9A-Fa-f]{2}"
_PART = rf"(?:[^%\s@/?#:\[\]]|{_CODED})*"
_HOST = rf"(?:\[[0-9A-Fa-f:.]+\]|{_PART})(?::[0-9]*)?"
_SERVER = re.compile(
    rf"postgres(?:ql)?://(?:{_PART}(?::(?:[^%\s@/?#\[\]]|{_CODED})*)?@)?{_HOST}(?:,{_HOST})*"
    rf"(?:/{_PART})?(?:\?(?:[^%\s]|{_CODED})*)?"
)
"""What libpq reads without doubt: of anything else it would show parts, the password's among them."""
_RESERVED = frozenset({"workers", "locks"})  # folders beside those of the systems


def _public_url(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// (or http:// for a trial)")
    return value.rstrip("/")


def _template(value: str) -> str:
    names = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    if unknown := names - _PLACEHOLDERS:
        raise ValueError(f"knows {{user}}, {{initial}} and {{project}}, not {', '.join(sorted(unknown))}")
    return value


def _database(value: Any) -> Any:
    """The URL of a server may hold a password: it must not show wherever settings are shown."""
    if isinstance(value, str) and ("://" in value or _NO_PATH.match(value)):
        if not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be a path (SQLite) or begin with postgresql://")
        if not _SERVER.fullmatch(value):
            raise ValueError(
                "cannot be read as a URL: write postgresql://user:password@host:5432/name, and what is special in a "
                "name or password as %XX (% as %25, @ as %40, / as %2F, a space as %20)"
            )
        return SecretStr(value)
    return Path(value) if isinstance(value, str) else value


def checked_name(value: str) -> str:
    """The name of a system or filesystem; `ValueError` if it cannot be one."""
    if not _NAME.fullmatch(value) or value in _RESERVED:
        raise ValueError(f"{value!r} cannot be a name: use small letters, digits, '_' and '-', beginning with a letter")
    return value


Name = Annotated[str, AfterValidator(checked_name)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
Database = Annotated[Path | SecretStr, BeforeValidator(_database)]
PathTemplate = Annotated[str, AfterValidator(_template)]


class Table(BaseModel):
    """A table of the file: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class AdapterSettings(BaseModel):
    """An adapter by the name of its entry point; all other keys are the adapter's own options."""

    model_config = ConfigDict(extra="allow", frozen=True)

    adapter: str = Field(description="Name of the adapter.")

    @property
    def options(self) -> dict[str, Any]:
        return dict(self.model_extra or {})
