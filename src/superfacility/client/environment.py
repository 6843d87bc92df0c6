"""The one place of the client that reads the environment: how to reach a facility, and how this terminal is.

The variables are those of programs and terminals (`SFAPI_TOKEN`, `HTTPS_PROXY`, `NO_COLOR` …), never of the server.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

VARIABLES: Mapping[str, str] = {
    "SFAPI_FACILITY": "name of the facility in `~/.superfacility/config.toml`",
    "SFAPI_URL": "address of a facility, instead of a name",
    "SFAPI_SYSTEM": "system that commands mean when none is named",
    "SFAPI_KEY": "key file, or the beginning of its name in `~/.superfacility`",
    "SFAPI_CLIENT_ID": "id of a client whose private key is in `SFAPI_SECRET`",
    "SFAPI_SECRET": "private key (PEM or JWK) of `SFAPI_CLIENT_ID`",
    "SFAPI_TOKEN": "access token to use as it is",
    "SFAPI_HOME": "folder of configuration, keys and logins, instead of `~/.superfacility`",
}
"""What the client listens to; printed in the reference."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What the variables say; empty ones say nothing."""

    facility: str | None = None
    url: str | None = None
    system: str | None = None
    key: str | None = None
    client_id: str | None = None
    secret: str | None = None
    token: str | None = None
    home: Path = Path("~/.superfacility")


def read_environment() -> Environment:
    found = {
        name.removeprefix("SFAPI_").lower(): value.strip()
        for name in VARIABLES
        if (value := os.environ.get(name, "").strip())
    }
    home = Path(found.pop("home", "~/.superfacility")).expanduser()
    return Environment(**found, home=home)


def proxy_for(scheme: str, host: str) -> str | None:
    """The proxy that this host is reached through, as curl and Python's own library choose it."""
    if not any(name.lower().endswith("_proxy") for name in os.environ):
        return None
    from urllib.request import getproxies, proxy_bypass

    if proxy_bypass(host):
        return None
    proxies = getproxies()
    return proxies.get(scheme) or proxies.get("all")


def wants_no_colour() -> bool:
    """https://no-color.org, and terminals that have none."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"


def speaks_utf8() -> bool:
    """Whether a terminal of this locale shows more than ASCII."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_CTYPE") or os.environ.get("LANG") or ""
    return "utf-8" in locale.lower() or "utf8" in locale.lower()
