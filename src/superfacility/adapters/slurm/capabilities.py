"""What kind of Slurm this is: its version, and whether it has an accounting. The controller alone is asked."""

import math
import re
from dataclasses import dataclass

from superfacility.adapters.slurm.programs import Programs
from superfacility.adapters.slurm.reading.tables import GarbledError, Marks

_SETTING = re.compile(r"^(\w+)\s*= (.*)$", re.MULTILINE)
_VERSION = re.compile(r"\d+\.\d+(?:\.\d+)?\S*")


@dataclass(frozen=True, slots=True)
class Found:
    """`minimum_job_age` is for how many seconds the controller remembers ended jobs, perhaps infinitely many."""

    version: str
    accounting: bool
    minimum_job_age: float


async def probe(programs: Programs) -> Found:
    settings = parse_settings(await programs.read(programs.reader, ("scontrol", "show", "config"), Marks()))
    version = settings.get("SLURM_VERSION", "")
    if not _VERSION.fullmatch(version):
        raise programs.garbled("scontrol", GarbledError("no version in the configuration"))
    age = programs.options.minimum_job_age
    return Found(
        version=version,
        accounting=settings.get("AccountingStorageType", "").endswith("/slurmdbd"),
        minimum_job_age=parse_age(settings.get("MinJobAge", "")) if age is None else age,
    )


def parse_settings(text: str) -> dict[str, str]:
    return {name: value.strip() for name, value in _SETTING.findall(text)}


def parse_age(text: str) -> float:
    """`300 sec`, and `0 sec` is for ever; nothing is certain where it is unknown."""
    number = text.partition(" ")[0]
    return (float(number) or math.inf) if number.isdecimal() else 0.0
