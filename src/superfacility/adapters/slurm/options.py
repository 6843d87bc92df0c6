"""The adapter's own options, as the configuration file has them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from superfacility.facility.errors import InvalidInput
from superfacility.facility.people import UserName


@dataclass(frozen=True, slots=True)
class Options:
    """How one system's Slurm is asked. Times are in seconds.

    `account` is the user that everything which is read for all is read as; Slurm must show it everybody's jobs. `bin`
    is the folder of Slurm's programs (none: they are on the PATH), `environment` what they need (`SLURM_CONF`).
    `cluster` is the one of several that this system is. `spool` is a folder of the login node where everybody may
    write: a script lies there while sbatch reads it. `accounting_lag` is how long a job may be on its way into queue
    and accounting. `minimum_job_age` is how long the controller remembers an ended job (none: as it says itself).
    An array's waiting elements are listed one by one if they are at most `array_limit`.
    """

    account: UserName
    bin: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    cluster: str | None = None
    spool: str = "/tmp"  # noqa: S108 - every submission makes a folder of its own in it, with a random name and 0700
    accounting_lag: float = 10.0
    minimum_job_age: float | None = None
    read_seconds: float = 30.0
    submit_seconds: float = 60.0
    array_limit: int = 10_000


def read_options(system: str, options: Mapping[str, Any]) -> Options:
    """`InvalidInput`, naming the option, for one that is unknown or has a value of the wrong kind."""
    values: dict[str, Any] = {}
    for name, value in options.items():
        if name not in _READERS:
            known = ", ".join(sorted(_READERS))
            raise InvalidInput(f"scheduler of {system}: unknown option {name!r}; there are: {known}.")
        attribute, reader = _READERS[name]
        try:
            values[attribute] = reader(value)
        except ValueError as error:
            raise InvalidInput(f"scheduler of {system}: {name}: {error}.") from None
    if "account" not in values:
        raise InvalidInput(f"scheduler of {system}: `account` is missing: the user that the queue is read as.")
    return Options(**values)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value or "\0" in value or value.startswith("-"):
        raise ValueError("must be a text that does not begin with a hyphen")
    return value


def _folder(value: Any) -> str:
    if not _text(value).startswith("/"):
        raise ValueError("must be an absolute path")
    return str(value)


def _seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise ValueError("must be a number of seconds")
    return float(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError("must be a whole number")
    return value


def _environment(value: Any) -> dict[str, str]:
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for pair in value.items() for each in pair):
        raise ValueError("must be a table of texts")
    return dict(value)


def _one_cluster(value: Any) -> str:
    name = _text(value)
    if not name.replace("_", "").replace("-", "").isalnum():
        raise ValueError("must name one cluster; describe each of several clusters as a system of its own")
    return name


_READERS: dict[str, tuple[str, Any]] = {
    "account": ("account", _text),
    "bin": ("bin", _folder),
    "environment": ("environment", _environment),
    "clusters": ("cluster", _one_cluster),
    "spool": ("spool", _folder),
    "accounting_lag_seconds": ("accounting_lag", _seconds),
    "minimum_job_age": ("minimum_job_age", _seconds),
    "read_seconds": ("read_seconds", _seconds),
    "submit_seconds": ("submit_seconds", _seconds),
    "array_limit": ("array_limit", _count),
}
