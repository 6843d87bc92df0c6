"""Which facilities a person uses: `~/.superfacility/config.toml`, and what the environment says instead.

default = "example"

[facilities.example]
url = "https://api.example.org"
system = "perlmutter"       # meant when none is named
key = "laptop"              # key file, or the beginning of its name in this folder; else the login is used
token_url = "https://…"     # where the facility does not publish it
ca_file = "/etc/ssl/….pem"  # certificates to trust instead of the machine's
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from superfacility.client.environment import Environment, read_environment
from superfacility.client.errors import ConfigurationError

FILE_NAME = "config.toml"
_MODE = 0o600
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEAD = "# Facilities that the command sfapi and the Python client know. `sfapi login` adds to it.\n"


@dataclass(frozen=True, slots=True)
class Facility:
    """How to reach one facility. Without a key, the login of `sfapi login` is used."""

    name: str
    url: str
    system: str | None = None
    key: str | None = None
    token_url: str | None = None
    ca_file: str | None = None


@dataclass(frozen=True, slots=True)
class Facilities:
    """What the file says."""

    folder: Path
    known: Mapping[str, Facility]
    default: str | None = None

    def chosen(self, name: str | None, environment: Environment) -> Facility:
        """The facility that is meant: by name or address, by the environment, the default, or the only one."""
        name = name or environment.facility
        if name is None and environment.url:
            name = environment.url
        found = self._named(name) if name else self._usual()
        key, system = environment.key, environment.system
        return replace(found, key=key or found.key, system=system or found.system)

    def _named(self, name: str) -> Facility:
        if name in self.known:
            return self.known[name]
        if "/" in name or ":" in name:
            same = [each for each in self.known.values() if each.url.rstrip("/") == name.rstrip("/")]
            return same[0] if same else Facility(name_of(name), name)
        raise ConfigurationError(
            f"There is no facility {name!r} in {self.folder / FILE_NAME}{self._those()}. "
            f"Log in to it: sfapi login https://ADDRESS --facility {name}"
        )

    def _usual(self) -> Facility:
        if self.default and self.default in self.known:
            return self.known[self.default]
        if len(self.known) == 1:
            return next(iter(self.known.values()))
        if not self.known:
            raise ConfigurationError("No facility is known yet. Log in to one: sfapi login https://ADDRESS")
        raise ConfigurationError(f"Several facilities are known{self._those()}. Name one with --facility.")

    def _those(self) -> str:
        return f" ({', '.join(sorted(self.known))})" if self.known else ""


def read_facilities(environment: Environment | None = None) -> Facilities:
    """`ConfigurationError` for a file that others may write: it says whom to trust."""
    folder = (environment or read_environment()).home
    path = folder / FILE_NAME
    if not path.exists():
        return Facilities(folder, {})
    import tomllib

    try:
        _check(path)
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise ConfigurationError(f"{path} cannot be read; mend it: {problem}") from problem
    known = {name: _facility(name, entry, path) for name, entry in content.get("facilities", {}).items()}
    return Facilities(folder, known, content.get("default"))


def remember(facility: Facility, facilities: Facilities) -> Facilities:
    """Write a facility into the file; the first one becomes the default."""
    known = {**facilities.known, facility.name: facility}
    changed = Facilities(facilities.folder, known, facilities.default or facility.name)
    path = facilities.folder / FILE_NAME
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = path.with_name(f".{FILE_NAME}.{os.getpid()}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _MODE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(_rendered(changed))
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    return changed


def name_of(url: str) -> str:
    """What a facility is called by its address, until somebody gives it a name."""
    host = re.sub(r"^[a-z]+://", "", url).partition("/")[0]
    return re.sub(r"[^A-Za-z0-9._-]", "-", host) or "facility"


def check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} cannot name a facility: use letters, digits, dots, dashes and underscores.")
    return name


def _check(path: Path) -> None:
    status = path.stat()
    if status.st_uid not in {os.geteuid(), 0}:
        raise ConfigurationError(f"{path} belongs to somebody else, and says whom to trust. Remove it.")
    if stat.S_IMODE(status.st_mode) & 0o022:
        raise ConfigurationError(f"Others may change {path}, which says whom to trust. Run: chmod 600 {path}")


def _facility(name: str, entry: Any, path: Path) -> Facility:
    known = {field.name for field in fields(Facility)} - {"name"}
    if not isinstance(entry, dict) or not entry.get("url"):
        raise ConfigurationError(f"{path}: [facilities.{name}] needs a url.")
    if unknown := entry.keys() - known:
        raise ConfigurationError(f"{path}: [facilities.{name}] has no {', '.join(sorted(unknown))}.")
    return Facility(check_name(name), **{key: str(value) for key, value in entry.items()})


def _rendered(facilities: Facilities) -> str:
    lines = [_HEAD]
    if facilities.default:
        lines.append(f"default = {_quoted(facilities.default)}\n")
    for facility in facilities.known.values():
        lines.append(f"\n[facilities.{_quoted(facility.name)}]\n")
        for field in fields(Facility):
            value = getattr(facility, field.name)
            if field.name != "name" and value:
                lines.append(f"{field.name} = {_quoted(value)}\n")
    return "".join(lines)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
