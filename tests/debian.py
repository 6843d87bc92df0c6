"""Debian packages that tests need: there already, or installed where that may be; else the test is left out."""

import fcntl
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

CLUSTER_SCRIPTS = Path(__file__).parents[1] / "deploy/test-cluster"
CANNOT_INSTALL = 3
MAY_INSTALL = os.environ | {"INSTALL": os.environ.get("SFAPI_TEST_INSTALL", "1")}
_SERIAL = Path("/tmp/superfacility-tests.lock")
_USED: Sequence[Mapping[str, str]] = (
    {"pg_lsclusters": "postgresql"},
    {"slapd": "slapd", "ldapadd": "ldap-utils"},
    {"nginx": "nginx"},
    {"chromium": "chromium"},
    {"node": "nodejs", "npm": "npm"},
    {"fish": "fish"},
    {"zsh": "zsh"},
)
"""Programs and the packages that bring them; what is in one line is installed together."""
_PLACES = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"


@contextmanager
def alone() -> Iterator[None]:
    """One process at a time installs packages and makes accounts."""
    with _SERIAL.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def why_not_debian() -> str:
    """Why packages of Debian cannot be installed and its daemons not be run; nothing if they can."""
    if os.geteuid():
        return "that needs root"
    return "" if Path("/etc/debian_version").exists() else "that needs the packages of Debian or Ubuntu"


def program(*names: str) -> str | None:
    """Where the first of these is that is there, also among those for administrators."""
    return next((found for name in names if (found := shutil.which(name, path=_PLACES))), None)


def require(have: Callable[[], bool], left_out: str, *packages: str) -> None:
    """Skip, and say what is left out, unless `have` is true, if need be after installing the packages."""
    if have():
        return
    if why_not := why_not_debian():
        pytest.skip(f"{left_out}: {', '.join(packages)} not installed here, and {why_not}.")
    with alone():
        command = [CLUSTER_SCRIPTS / "install.sh", *packages]
        done = subprocess.run(command, env=MAY_INSTALL, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"{left_out}: {done.stderr.splitlines()[-1]}")
    if not have():
        pytest.skip(f"{left_out}: {', '.join(packages)} do not bring it here.")


def require_programs(left_out: str, **packages: str) -> list[str]:
    """Where these programs are; each is named with the package that brings it."""
    require(lambda: all(map(program, packages)), left_out, *packages.values())
    return [found for name in packages if (found := program(name))]


def main() -> None:
    """Install beforehand what the tests can use here: while they run, each waits for only so long."""
    if why_not_debian() or MAY_INSTALL["INSTALL"] == "0":
        return
    missing = [[package for name, package in each.items() if program(name) is None] for each in _USED]
    for packages in ([], *filter(None, missing)):  # none at all: those of a Slurm cluster
        subprocess.run([CLUSTER_SCRIPTS / "install.sh", *packages], env=MAY_INSTALL)


if __name__ == "__main__":
    main()
