"""The adapter's own options, as the configuration file has them and as the daemon reads them back."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from superfacility.adapters.embedded.request.times import parse_duration


@dataclass(frozen=True, slots=True)
class Configuration:
    """How this scheduler behaves.

    `partitions` maps names to the longest time a job may ask for in seconds (None: any). An empty `qos`, `accounts` or
    `constraints` accepts every name. `idle_exit` and `kill_wait` are in seconds; `max_jobs` ended jobs are remembered.
    """

    cluster: str = "local"
    cores: int = 1
    partitions: Mapping[str, int | None] = field(default_factory=lambda: {"regular": None})
    default_partition: str = "regular"
    default_time: int | None = None
    qos: tuple[str, ...] = ()
    default_qos: str = "normal"
    accounts: tuple[str, ...] = ()
    default_account: str = ""
    constraints: tuple[str, ...] = ()
    idle_exit: float = 300.0
    kill_wait: float = 5.0
    max_jobs: int = 100_000
    max_array_size: int = 1001

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "Configuration":
        values = json.loads(text)
        for name in ("qos", "accounts", "constraints"):
            values[name] = tuple(values[name])
        return cls(**values)


def read_options(cluster: str, options: Mapping[str, Any]) -> Configuration:
    """ValueError, naming the option, for one that is unknown or has a value of the wrong kind."""
    readers = {
        "cores": _count,
        "default_partition": _text,
        "default_time": _time,
        "qos": _names,
        "default_qos": _text,
        "accounts": _names,
        "default_account": _text,
        "constraints": _names,
        "idle_exit": _seconds,
        "kill_wait": _seconds,
        "max_jobs": _count,
        "max_array_size": _count,
    }
    values: dict[str, Any] = {"cluster": cluster, "cores": os.cpu_count() or 1}
    for name, value in options.items():
        if name == "partitions":
            values[name] = _partitions(value)
        elif name in readers:
            values[name] = readers[name](name, value)
        else:
            known = ", ".join(sorted([*readers, "partitions"]))
            raise ValueError(f"unknown option {name!r}; there are: {known}")
    return _with_defaults(values)


def _with_defaults(values: dict[str, Any]) -> Configuration:
    partitions = values.get("partitions") or {"regular": None}
    values.setdefault("default_partition", next(iter(partitions)))
    if values["default_partition"] not in partitions:
        raise ValueError(f"default_partition {values['default_partition']!r} is not one of the partitions")
    if qos := values.get("qos"):
        values.setdefault("default_qos", qos[0])
        if values["default_qos"] not in qos:
            raise ValueError(f"default_qos {values['default_qos']!r} is not one of the qos")
    return Configuration(**values)


def _partitions(value: Any) -> dict[str, int | None]:
    """A list of names, or a table of names and longest times (`regular = "2-00:00:00"`)."""
    if isinstance(value, Mapping):
        return {_text("partitions", name): _time(f"partitions.{name}", limit) for name, limit in value.items()}
    return dict.fromkeys(_names("partitions", value))


def _count(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
    return value


def _seconds(name: str, value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} must be a number of seconds, not {value!r}")
    return float(value)


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value


def _names(name: str, value: Any) -> tuple[str, ...]:
    if (
        isinstance(value, str)
        or not isinstance(value, list | tuple)
        or not all(isinstance(each, str) for each in value)
    ):
        raise ValueError(f"{name} must be a list of names, not {value!r}")
    return tuple(value)


def _time(name: str, value: Any) -> int | None:
    try:
        return parse_duration(value) if isinstance(value, str) else _count(name, value) * 60
    except ValueError:
        raise ValueError(f"{name} must be minutes or a time such as 2-00:00:00, not {value!r}") from None
