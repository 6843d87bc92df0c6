"""A local transport over a folder of the test's own."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from superfacility.adapters.local import open_transport
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
from superfacility.facility.transport import Transport


@dataclass
class Local:
    transport: Transport
    base: Path
    home: Path
    user: User


@pytest.fixture
def local(tmp_path: Path) -> Local:
    homes = tmp_path / "home"
    (homes / "demo1").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    site = Site("here", lambda user: str(homes / user), (str(homes),), tmp_path / "state", tmp_path / "bin")
    return Local(open_transport(site, {}), tmp_path, homes / "demo1", User(uid=1001, name=UserName("demo1")))
