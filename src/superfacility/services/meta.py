"""What changed, and what a program may want to know about this installation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the changelog; `date` is None for what has no day."""

    date: date | None
    change: str


@dataclass(frozen=True, slots=True)
class MetaService:
    """Fixed for the life of the process. `config` has at least `compute.targets`: the machines, separated by commas."""

    changelog: Sequence[Change] = ()
    config: Mapping[str, str] = field(default_factory=dict)
