"""All settings of one facility."""

from datetime import timedelta
from pathlib import Path
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    Field,
    PrivateAttr,
    SecretStr,
    model_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from superfacility.settings.clients import ClientSettings
from superfacility.settings.directory import DirectorySettings
from superfacility.settings.login import AppearanceSettings, LoginSettings
from superfacility.settings.machines import FilesystemSettings, SystemSettings, TransferSettings
from superfacility.settings.service import (
    AccountingSettings,
    ApplicationSettings,
    CallbackSettings,
    ChangelogEntry,
    ComputeSettings,
    LimitSettings,
    MailSettings,
    MembershipSettings,
    ReservationSettings,
    ServerSettings,
    TokenSettings,
)
from superfacility.settings.values import Database, Name, PublicUrl


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
    database: Database = Field(
        Path("superfacility.db"),
        description="Path of a SQLite database on a local disk; or, for several hosts, a URL of PostgreSQL as libpq "
        "reads it. Its password is better kept in a file: `?passfile=/absolute/path`.",
        examples=["postgresql://superfacility@db.example.org/superfacility?passfile=/etc/superfacility/pgpass"],
    )
    keys: Path = Field(Path("keys"), description="Folder of the keys that sign tokens (0700, files 0600).")
    state: Path = Field(Path("state"), description="Folder for what workers and adapters must remember (0700).")
    server: ServerSettings = Field(ServerSettings(), description="How `sfapi serve` runs.")
    tokens: TokenSettings = Field(TokenSettings(), description="The token service.")
    directory: DirectorySettings | None = Field(
        None, description="The site's directory of people; unset: they are in the database alone."
    )
    login: LoginSettings = Field(LoginSettings(), description="How people log in with a browser.")
    appearance: AppearanceSettings = Field(AppearanceSettings(), description="How the pages look.")
    applications: ApplicationSettings = Field(ApplicationSettings(), description="Applications that people log in to.")
    clients: ClientSettings = Field(ClientSettings(), description="Programs that people register by themselves.")
    limits: LimitSettings = Field(LimitSettings(), description="Bounds of what callers may do.")
    compute: ComputeSettings = Field(ComputeSettings(), description="How jobs are taken.")
    accounting: AccountingSettings = Field(AccountingSettings(), description="What follows from hours.")
    reservations: ReservationSettings = Field(ReservationSettings(), description="Who may ask for reservations.")
    membership: MembershipSettings = Field(MembershipSettings(), description="How people come into projects.")
    callbacks: CallbackSettings = Field(CallbackSettings(), description="Where callbacks may be sent.")
    mail: MailSettings | None = Field(None, description="The mail server; unset: no mail is sent.")
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

    @property
    def database_location(self) -> Path | str:
        """The path of the SQLite database, or the URL of the one on a server."""
        if isinstance(self.database, SecretStr):
            return self.database.get_secret_value()
        return self.path(self.database)

    @property
    def database_place(self) -> str:
        """Where the database is, for people: without user name, password and options."""
        location = self.database_location
        if isinstance(location, Path):
            return str(location)
        url = urlsplit(location)
        return f"postgresql://{url.netloc.rpartition('@')[2]}{url.path}"

    def path(self, relative: Path | str) -> Path:
        return self._folder / relative

    def template(self, path: str) -> str:
        """A path template made absolute."""
        return str(self._folder / path)

    @property
    def client_lifetimes(self) -> dict[str, timedelta]:
        """Lifetime of clients by the label of their level."""
        return {label: timedelta(days=days) for label, days in self.limits.lifetimes}
