"""The contract of transports over the local one and the one in memory."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from superfacility.adapters.local import open_transport
from superfacility.facility.site import Site
from superfacility.testing.contracts.transport import Place, TransportContract
from superfacility.testing.transports import MemoryTransport


class TestLocalTransport(TransportContract):
    @pytest.fixture
    def place(self, tmp_path: Path) -> Place:
        home = tmp_path / "home"
        folder = home / "demo1" / "work"
        folder.mkdir(parents=True)
        outside = tmp_path / "secret"
        outside.write_text("secret")
        site = Site(
            system="here",
            home=lambda user: str(home / user),
            roots=(str(home),),
            state=tmp_path / "state",
            programs=tmp_path / "bin",
        )

        def link(path: str, target: str) -> None:
            Path(path).symlink_to(target)

        return Place(open_transport(site, {}), str(folder), str(outside), link, os.mkfifo, os.chmod)


class TestMemoryTransport(TransportContract):
    @pytest.fixture
    def place(self) -> Place:
        transport = MemoryTransport()
        transport.add_folder("/home/demo1/work")
        transport.add_file("/secret", b"secret")
        chmod: Callable[[str, int], None] = lambda path, mode: setattr(transport.nodes[path], "mode", mode)  # noqa: E731
        return Place(transport, "/home/demo1/work", "/secret", transport.add_link, transport.add_special, chmod)
