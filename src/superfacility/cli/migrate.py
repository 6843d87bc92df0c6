"""`sfapi migrate`: after an update, before the server starts again."""

from pathlib import Path

from superfacility.cli.output import say
from superfacility.settings import configuration_file, load_settings


def migrate(*, config: Path | None = None) -> None:
    """Bring the database to the schema of this version. Stop the servers and back it up first.

    Parameters
    ----------
    config
        Configuration file (or SFAPI_CONFIG, or ./superfacility.toml).
    """
    from superfacility.bootstrap.stores import migrate_database

    settings = load_settings(configuration_file(config))
    migrate_database(settings)
    say(f"{settings.database_place} has the schema of this version.")
