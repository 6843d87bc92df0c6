"""Every setting of an installation: one TOML file, typed, explained, and read once.

The descriptions here are the comments of a new `superfacility.toml` and the page docs/reference/configuration.md.
Any setting can be overridden by an environment variable: `SFAPI_` and its name, with `__` between table and key
(`SFAPI_SERVER__LOG_LEVEL=debug`). Nothing else in the project reads the environment.
"""

import os
import re
import tomllib
from datetime import date, timedelta
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from superfacility.facility.errors import InvalidInput

FILE_NAME = "superfacility.toml"
BASE_PATH = "/api/v1.2"

_PLACEHOLDERS = frozenset({"user", "initial", "project"})
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_RESERVED = frozenset({"workers"})  # a folder beside those of the systems


def _public_url(value: str) -> str:
    if not value.startswith(("https://", "http://")):
        raise ValueError("must begin with https:// (or http:// for a trial)")
    return value.rstrip("/")


def _template(value: str) -> str:
    names = {name for _, name, _, _ in Formatter().parse(value) if name is not None}
    if unknown := names - _PLACEHOLDERS:
        raise ValueError(f"knows {{user}}, {{initial}} and {{project}}, not {', '.join(sorted(unknown))}")
    return value


def checked_name(value: str) -> str:
    """The name of a system or filesystem; `ValueError` if it cannot be one."""
    if not _NAME.fullmatch(value) or value in _RESERVED:
        raise ValueError(f"{value!r} cannot be a name: use small letters, digits, '_' and '-', beginning with a letter")
    return value


Name = Annotated[str, AfterValidator(checked_name)]
PublicUrl = Annotated[str, AfterValidator(_public_url)]
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


class ServerSettings(Table):
    """How `sfapi serve` runs."""

    workers: int = Field(1, ge=1, le=64, description="Server processes; they share the database.")
    concurrent_tasks: int = Field(
        16, ge=1, le=256, description="Tasks that one process works on at a time, at most half of them for one user."
    )
    graceful_seconds: int = Field(
        20, ge=0, le=600, description="How long a stopping server waits for requests that are under way."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least level that is logged.")
    access_log: bool = Field(False, description="Log a line for each request (without its query string).")
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = Field(
        (), description="Networks of reverse proxies whose forwarded headers tell where a request comes from."
    )


class TokenSettings(Table):
    """The token service."""

    profile: Literal["compat", "strict"] = Field(
        "compat", description="`compat` accepts what existing programs send; `strict` wants `jti` and 60-second proofs."
    )
    additional_urls: tuple[PublicUrl, ...] = Field(
        (), description="Other URLs of the token endpoint that clients may name as the audience of their proof."
    )


class ChargingSettings(Table):
    """How jobs of a system are charged, in node hours."""

    cores_per_node: int | None = Field(
        None, ge=1, description="Cores of one node. Unset: what the machine that serves has.", examples=[128]
    )
    factor: float = Field(1.0, ge=0, description="Node hours charged for one hour of one node.")
    qos: dict[str, Annotated[float, Field(ge=0)]] = Field(
        {}, description="Factors of qualities of service; those not named count 1."
    )


class SystemSettings(Table):
    """A machine that people use."""

    full_name: str = Field(description="Name for people.")
    transport: AdapterSettings = Field(
        AdapterSettings(adapter="local"),
        description="How the system is reached. `local` is this machine under the server's own account.",
    )
    scheduler: AdapterSettings | None = Field(
        None,
        description="What manages its jobs. `embedded` comes along; unset for a system without batch jobs.",
        examples=[{"adapter": "embedded"}],
    )
    filesystems: tuple[str, ...] = Field((), description="Filesystems that are mounted there.")
    aliases: tuple[Name, ...] = Field((), description="Other names that callers may use for it.")
    refresh_seconds: float = Field(
        5.0, ge=0, le=3600, description="How old answers about jobs may be; the scheduler is asked no more often."
    )
    charging: ChargingSettings = Field(ChargingSettings(), description="How its jobs are charged.")


class FilesystemSettings(Table):
    """Where data lives."""

    kind: Literal["home", "scratch", "project", "archive"] = Field(description="What it is for.")
    path: PathTemplate = Field(
        description="Folder of one person or project, with {user}, {initial} (of the user) or {project} in it."
    )


class EndpointSettings(Table):
    """A place that data is transferred from or to."""

    system: str = Field(description="System through which its files are reached.")
    root: str | None = Field(
        None, description="Folder that its paths begin in. Unset: paths are the system's own.", examples=["archive"]
    )
    uuid: UUID | None = Field(
        None,
        description="Another name for it, as Globus collections have.",
        examples=["9d6d994a-6d04-11e5-ba46-22000b92c6ec"],
    )


class TransferSettings(Table):
    """Copies of data between places."""

    agent: AdapterSettings | None = Field(
        AdapterSettings(adapter="local"), description="What copies. `local` copies on this machine."
    )
    endpoints: dict[Name, EndpointSettings] = Field({}, description="Places by their alias.")


class LifetimeSettings(Table):
    """How many days clients live, by security level."""

    green: int = Field(60, ge=1, le=366, description="Reads account, tasks and reservations.")
    yellow: int = Field(60, ge=1, le=366, description="Also sees jobs and lists directories.")
    orange: int = Field(30, ge=1, le=366, description="Also reads and writes files, transfers data, manages groups.")
    red: int = Field(2, ge=1, le=366, description="Also runs commands, submits and cancels jobs.")


class LimitSettings(Table):
    """Bounds of what callers may do."""

    upload_bytes: int = Field(5 * 1024**3, ge=1, description="Largest upload.")
    download_bytes: int = Field(5 * 1024**3, ge=1, description="Largest download.")
    command_seconds: float = Field(600, gt=0, description="How long a command may run before it is killed.")
    task_retention_days: int = Field(30, ge=1, description="How long tasks that have ended can be read.")
    audit_retention_days: int = Field(730, ge=1, description="How long rows of audit are kept.")
    guard_dot_files: bool = Field(
        True, description="Refuse clients below red to write dot-files of a home or executables."
    )
    lifetimes: LifetimeSettings = Field(LifetimeSettings(), description="Days that clients live.")


class ChangelogEntry(Table):
    """A line of `GET /meta/changelog`."""

    day: date = Field(alias="date", description="Day of the change.")
    change: str = Field(description="What changed for callers.")


class Settings(BaseSettings):
    """One facility."""

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        env_prefix="SFAPI_",
        env_nested_delimiter="__",
        nested_model_default_partial_update=True,
    )

    name: str = Field(description="Name of the facility.")
    public_url: PublicUrl | None = Field(
        None,
        description="URL under which callers reach the server, without a path. Unset: the loopback address and the "
        "port that the server listens on.",
        examples=["https://api.example.org"],
    )
    shared_account: bool = Field(
        False,
        description="Accept that everybody's files and jobs run under the server's own account, without isolation "
        "between people. Needed for more than one user on a system with the `local` transport.",
    )
    visibility: Literal["all", "project", "own"] = Field(
        "all", description="Whose jobs a caller sees: everybody's, those of shared projects, or the caller's own."
    )
    database: Path = Field(Path("superfacility.db"), description="SQLite database, on a local disk.")
    keys: Path = Field(Path("keys"), description="Folder of the keys that sign tokens (0700, files 0600).")
    state: Path = Field(Path("state"), description="Folder for what workers and adapters must remember (0700).")
    server: ServerSettings = Field(ServerSettings(), description="How `sfapi serve` runs.")
    tokens: TokenSettings = Field(TokenSettings(), description="The token service.")
    limits: LimitSettings = Field(LimitSettings(), description="Bounds of what callers may do.")
    filesystems: dict[Name, FilesystemSettings] = Field({}, description="Where data lives.")
    systems: dict[Name, SystemSettings] = Field({}, description="Machines that people use.")
    transfers: TransferSettings = Field(TransferSettings(), description="Copies of data between places.")
    changelog: tuple[ChangelogEntry, ...] = Field((), description="What callers should know about changes.")

    _folder: Path = PrivateAttr(default_factory=Path)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment overrides the file, which arrives as arguments."""
        return env_settings, init_settings

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        for name, system in self.systems.items():
            if unknown := set(system.filesystems) - set(self.filesystems):
                raise ValueError(f"system {name} mounts filesystems that are not there: {', '.join(sorted(unknown))}")
        for alias, endpoint in self.transfers.endpoints.items():
            if endpoint.system not in self.systems:
                raise ValueError(f"transfer endpoint {alias} is on a system that is not there: {endpoint.system}")
        taken = [*self.systems, *(alias for system in self.systems.values() for alias in system.aliases)]
        if len(taken) != len(set(taken)):
            raise ValueError("two systems have the same name or alias")
        return self

    @property
    def folder(self) -> Path:
        """The folder of the file: what relative paths begin in."""
        return self._folder

    def within(self, folder: Path) -> "Settings":
        """The same settings, relative paths beginning in `folder`."""
        self._folder = folder.resolve()
        return self

    def path(self, relative: Path | str) -> Path:
        return self._folder / relative

    def template(self, path: str) -> str:
        """A path template made absolute."""
        return str(self._folder / path)

    @property
    def client_lifetimes(self) -> dict[str, timedelta]:
        """Lifetime of clients by the label of their level."""
        return {label: timedelta(days=days) for label, days in self.limits.lifetimes}


def configuration_file(given: Path | None) -> Path:
    """The file named, or by `SFAPI_CONFIG`, or `superfacility.toml` in this folder."""
    path = given or Path(os.environ.get("SFAPI_CONFIG", FILE_NAME))
    if path.is_dir():
        path /= FILE_NAME
    if not path.is_file():
        raise InvalidInput(
            f"There is no configuration file {path}. Name one with --config or SFAPI_CONFIG, or make one: "
            "sfapi init DIR"
        )
    return path


def load_settings(path: Path) -> Settings:
    """Read and check one file. `InvalidInput` names every key that is wrong."""
    if "{" in str(path.resolve().parent):
        raise InvalidInput(f"{path.resolve().parent} has a brace in its name; move the installation elsewhere.")
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as problem:
        raise InvalidInput(f"{path} cannot be read; mend and try again:\n  {problem}") from problem
    try:
        return Settings(**content).within(path.parent)
    except ValidationError as problem:
        raise InvalidInput(f"{path} is not valid; mend and try again:\n{_explain(problem)}") from problem


def _explain(problem: ValidationError) -> str:
    return "\n".join(
        f"  {'.'.join(map(str, error['loc'])) or 'file'}: "
        + (
            "there is no such setting"
            if error["type"] == "extra_forbidden"
            else error["msg"].removeprefix("Value error, ")
        )
        for error in problem.errors(include_url=False, include_input=False)
    )
