"""The contract of schedulers over a real Slurm, through its login node: by its programs, and by slurmrestd on a cluster
that was named (`make test-matrix`), from Slurm 23.11 on, where slurmrestd is trusted with submissions."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from superfacility.adapters.slurm.adapter import SlurmScheduler
from superfacility.adapters.slurm.rest.adapter import RestScheduler
from superfacility.facility.people import User
from superfacility.facility.reservations import ReservationChange
from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.contracts.scheduler import SchedulerContract, Size

_NAMED = os.environ.get("SFAPI_TEST_CLUSTER")


class ClusterContract(SchedulerContract):
    """With the cluster's people."""

    @pytest.fixture
    def first_user(self, person: Callable[[str], User]) -> User:
        return person("alice")

    @pytest.fixture
    def second_user(self, person: Callable[[str], User]) -> User:
        return person("bob")

    @pytest.fixture
    def staff(self, person: Callable[[str], User]) -> User:
        return person("sfgate")

    @pytest.fixture
    def single_node(self) -> bool:
        return False

    @pytest.fixture
    def sizes(self) -> tuple[Size, ReservationChange]:
        """Slurm changes the number of nodes alone."""
        return {"nodes": 1}, ReservationChange(nodes=2)


class TestSlurm(ClusterContract):
    @pytest.fixture
    def scheduler(self, open_slurm: Callable[..., SlurmScheduler]) -> SlurmScheduler:
        return open_slurm()


def _trusted() -> bool:
    if _NAMED is None or not (Path(_NAMED) / "cluster.json").exists():
        return False
    return SlurmCluster.read(Path(_NAMED)).rest_submits


if _trusted():

    class TestRest(ClusterContract):
        @pytest.fixture
        def scheduler(self, open_rest: Callable[..., RestScheduler]) -> RestScheduler:
            return open_rest()
