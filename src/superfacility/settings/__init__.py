"""Every setting of an installation: one TOML file, typed, explained, and read once.

The descriptions here are the comments of a new `superfacility.toml` and the page docs/reference/configuration.md.
Any setting can be overridden by an environment variable: `SFAPI_` and its name, with `__` between table and key
(`SFAPI_SERVER__LOG_LEVEL=debug`). Nothing else in the project reads the environment.
"""

from superfacility.settings.directory import DirectorySettings
from superfacility.settings.facility import Settings
from superfacility.settings.loading import FILE_NAME, configuration_file, load_settings
from superfacility.settings.login import ProviderSettings
from superfacility.settings.machines import ChargingSettings, ProbeSettings, SystemSettings
from superfacility.settings.service import MailSettings, MembershipSettings
from superfacility.settings.values import AdapterSettings, checked_name

BASE_PATH = "/api/v1.2"

__all__ = [
    "BASE_PATH",
    "FILE_NAME",
    "AdapterSettings",
    "ChargingSettings",
    "DirectorySettings",
    "MailSettings",
    "MembershipSettings",
    "ProbeSettings",
    "ProviderSettings",
    "Settings",
    "SystemSettings",
    "checked_name",
    "configuration_file",
    "load_settings",
]
