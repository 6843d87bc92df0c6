"""The contract of transports over real sshds: the cluster's as alice, and one of this account's own."""

import os
import pwd
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from superfacility.adapters.ssh import open_transport
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
from superfacility.testing.contracts.transport import Place, TransportContract


def as_owner(folder: Path, make: Callable[[str], None], path: str) -> None:
    make(path)
    owner = folder.stat()
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


class TestOnAnSshdOfOnesOwn(TransportContract):
    """A static key, and no privileges at all: where there is no cluster, this is what there is."""

    @pytest.fixture
    async def place(self, own_sshd, tmp_path: Path) -> AsyncIterator[Place]:
        folder, outside = tmp_path / "work", tmp_path / "outside" / "secret"
        folder.mkdir()
        outside.parent.mkdir()
        outside.write_text("secret")
        outside.parent.chmod(0)
        site = Site("here", lambda _: str(tmp_path), (str(tmp_path),), tmp_path, tmp_path)
        transport = open_transport(site, own_sshd)
        user = User(uid=os.getuid(), name=UserName(pwd.getpwuid(os.getuid()).pw_name))
        link = lambda path, target: Path(path).symlink_to(target)  # noqa: E731
        yield Place(transport, str(folder), str(outside), link, os.mkfifo, os.chmod, user=user, confined=False)
        await transport.aclose()
        outside.parent.chmod(0o700)


class TestOnTheCluster(TransportContract):
    """Certificates of the gateway's own CA."""

    @pytest.fixture
    def place(self, login_node, folder_of, tmp_path: Path) -> Place:
        folder = folder_of("alice")
        outside = tmp_path / "secret"
        outside.write_text("secret")
        tmp_path.chmod(0o700)
        link = lambda path, target: as_owner(folder, lambda at: Path(at).symlink_to(target), path)  # noqa: E731
        special = lambda path: as_owner(folder, os.mkfifo, path)  # noqa: E731
        return Place(
            login_node.open(), str(folder), str(outside), link, special, os.chmod, user=login_node.alice, confined=False
        )


if os.geteuid() == 0:  # root may read everything, and has the cluster's; others have no cluster
    del TestOnAnSshdOfOnesOwn
else:
    del TestOnTheCluster
