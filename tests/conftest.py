"""Settings of every test, the counts of the reliability goals, and real services where the machine has them."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import settings
from tests.debian import CANNOT_INSTALL, CLUSTER_SCRIPTS, MAY_INSTALL, alone, require, why_not_debian

from superfacility.testing.clusters import SlurmCluster
from superfacility.testing.directories import Slapd, have_slapd
from superfacility.testing.directories import running as running_slapd
from superfacility.testing.postgresql import PostgreSQL, programs, running

DISTURBING = {"contracts", "test_slurm_faults"}
"""Folders and modules that stop a cluster's daemons: by turns with each other, on a cluster of their own."""

_LONGEST_ID = 300

settings.register_profile("default", deadline=None)
settings.load_profile("default")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run with the full counts of the reliability goals")


@pytest.hookimpl(tryfirst=True, wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What asks for the counts is what `-m soak` chooses; tests that share something run in one process, and those
    that take long begin first."""
    for item in items:
        if "soak" in getattr(item, "fixturenames", ()):
            item.add_marker("soak")
        if group := shared_by(item):
            item.add_marker(pytest.mark.xdist_group(group))
    yield
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: "system" not in item.path.parts)


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Long texts are keys and proofs, made anew in each process: a test has one name in all of them."""
    return argname if isinstance(val, str | bytes) and len(val) > _LONGEST_ID else None


def shared_by(item: pytest.Item) -> str:
    """Which expensive thing a test shares with others; nothing: any process may run it at any time."""
    chosen = getattr(item, "callspec", None)
    names = {*getattr(item, "fixturenames", ()), *map(str, chosen.params.values() if chosen else ())}
    if names & {"cluster", "slurm", "new_slurm_facility"}:
        return "disturbed cluster" if DISTURBING & {*item.path.parts, item.path.stem} else "cluster"
    if "slapd" in names:
        return "slapd"
    if "served" in names:
        return "served"
    return item.path.stem if "system" in item.path.parts and item.path.stem != "test_examples" else ""


@pytest.fixture(scope="session")
def soak(pytestconfig: pytest.Config) -> bool:
    """Whether the full counts are asked for."""
    return bool(pytestconfig.getoption("--soak"))


@pytest.fixture(scope="session")
def cluster() -> Iterator[SlurmCluster]:
    """A real Slurm cluster: the one that is up, or one for this run; SFAPI_TEST_CLUSTER names another state folder."""
    with running_cluster(Path(os.environ.get("SFAPI_TEST_CLUSTER", "/var/tmp/superfacility-cluster")), {}) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def cluster_without_accounting() -> Iterator[SlurmCluster]:
    """A small one, of this machine's own Slurm, as sites without slurmdbd have it."""
    if "SFAPI_TEST_CLUSTER" in os.environ:
        pytest.skip("No test on a Slurm without accounting: another cluster is asked for.")
    small = {"CPU_NODES": "1", "GPU_NODES": "1", "ACCOUNTING": "0", "BASE_PORT": "17300", "USER_PREFIX": "plain"}
    with running_cluster(Path("/var/tmp/superfacility-plain"), small) as cluster:
        yield cluster


@contextmanager
def running_cluster(state: Path, settings: dict[str, str]) -> Iterator[SlurmCluster]:
    """The one in that folder, with these settings; it is ended unless it ran before."""
    if why_not := why_not_debian():
        pytest.skip(f"No test on a real Slurm cluster: {why_not}.")
    with claimed(state) as (state, apart):
        was_up = (state / "cluster.json").exists() and SlurmCluster.read(state).is_up()
        if not was_up:
            start_cluster(state, settings | apart)
        cluster = SlurmCluster.read(state)
        yield cluster
        cluster.repair()
        if not was_up:
            subprocess.run([CLUSTER_SCRIPTS / "down.sh", str(state)], check=True, capture_output=True)


@contextmanager
def claimed(state: Path) -> Iterator[tuple[Path, dict[str, str]]]:
    """That folder, or while other tests use it one beside it, with the settings that keep two clusters apart."""
    for number in count():
        folder = state.with_name(f"{state.name}-{number}") if number else state
        with Path(f"{folder}.claimed").open("w") as claim:
            try:
                fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            apart = {"BASE_PORT": str(16900 + 40 * number), "USER_PREFIX": f"t{number}"}
            yield folder, apart if number else {}
            return


def start_cluster(state: Path, settings: dict[str, str]) -> None:
    command = [CLUSTER_SCRIPTS / "up.sh", str(state)]
    with alone():
        done = subprocess.run(command, env=MAY_INSTALL | settings, capture_output=True, text=True)
    if done.returncode == CANNOT_INSTALL:
        pytest.skip(f"No test on a real Slurm cluster: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, f"The cluster did not start:\n{done.stderr}"


@pytest.fixture(autouse=True)
def _whole_cluster(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test did to the cluster's daemons, the next one finds all of them awake."""
    cluster = request.getfixturevalue("cluster") if "cluster" in request.fixturenames else None
    yield
    if cluster is not None:
        cluster.repair()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server for this run; `new_database()` gives the URL of an empty database."""
    with TemporaryDirectory(prefix="sfapi-pg-", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        require(_have_postgresql, "No test on PostgreSQL", "postgresql")
        with running(Path(folder) / "server") as server:
            yield server


def _have_postgresql() -> bool:
    try:
        programs()
    except FileNotFoundError:
        return False
    return True


@pytest.fixture(scope="session")
def slapd() -> Iterator[Slapd]:
    """An LDAP server for this run; whoever stops it starts it again."""
    require(have_slapd, "No test on LDAP", "slapd", "ldap-utils")
    with (
        TemporaryDirectory(prefix="sfapi-ldap-", dir="/tmp") as folder,
        running_slapd(Path(folder) / "server") as server,
    ):
        yield server
