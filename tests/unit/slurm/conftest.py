"""What real Slurms of three majors printed, and the marks that it was asked for with."""

from collections.abc import Callable
from pathlib import Path

import pytest

from superfacility.adapters.slurm.reading.tables import Marks

RECORDED = Path(__file__).parents[2] / "recorded"
VERSIONS = sorted(folder.name for folder in RECORDED.iterdir() if folder.is_dir())


@pytest.fixture(params=VERSIONS)
def recorded(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """The answer of that name, in each version."""
    folder: Path = RECORDED / request.param
    return lambda name: (folder / f"{name}.txt").read_text()


@pytest.fixture(scope="session")
def marks() -> Marks:
    return Marks("recorded")
