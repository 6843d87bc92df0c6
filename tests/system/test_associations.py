"""Accounts of a real slurmdbd, kept in step with projects and members by the operator's command."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from superfacility.testing.clusters import SlurmCluster

SFAPI = str(Path(sys.executable).parent / "sfapi")
NEW = "m0777"
DEADLINE = 120.0


def run(facility: Any, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [SFAPI, "admin", "associations", *arguments, "--system", "perlmutter", "--config", facility.config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


def planned(facility: Any, account: str, *more: str) -> list[tuple[str, list[str]]]:
    """What concerns that account."""
    rows = json.loads(run(facility, "plan", "--json", *more).stdout)
    return [(row["step"], row["users"]) for row in rows if row["account"] == account]


@pytest.fixture
def there(cluster: SlurmCluster) -> Iterator[Callable[[str], set[str]]]:
    """Who is in an account of the cluster; afterwards it is as it was."""

    def users(account: str) -> set[str]:
        said = cluster.root("sacctmgr", "-nP", "show", "assoc", f"account={account}", "format=user")
        return set(said.stdout.split())

    yield users
    cluster.root("sacctmgr", "-i", "delete", "account", f"name={NEW}")
    cluster.root("sacctmgr", "-i", "delete", "user", "where", f"name={cluster.users['carol'].name}", "account=m0001")


@pytest.mark.timeout(400)  # twenty commands
def test_a_new_projects_members_get_their_account(
    slurm_facility: Any, cluster: SlurmCluster, there: Callable[[str], set[str]]
) -> None:
    facility, (alice, bob) = slurm_facility, (slurm_facility.first, slurm_facility.second)
    facility.admin("project", "add", NEW, "--unlimited")
    for user in (alice, bob):
        facility.admin("project", "member", "add", NEW, user)
    assert planned(facility, NEW) == [("add account", []), ("add users", sorted([alice, bob]))]
    assert there(NEW) == set()
    dry = run(facility, "plan")
    assert "has changed since" in run(facility, "apply", "--plan", "000000000000", code=1).stderr
    assert there(NEW) == set()
    (digest,) = re.findall(r"--plan (\w+)", dry.stderr)
    done = run(facility, "apply", "--plan", digest, "--json")
    assert {row["result"] for row in json.loads(done.stdout)} == {"done"}
    assert there(NEW) == {alice, bob}
    assert planned(facility, NEW) == []

    facility.admin("project", "member", "remove", NEW, bob)
    assert planned(facility, NEW) == [("remove users", [bob])]
    run(facility, "apply", "--yes")
    assert there(NEW) == {alice}
    assert bob in there("m0001"), "other accounts are left alone"
    facility.admin("project", "remove", NEW)
    run(facility, "apply", "--yes")
    assert there(NEW) == set()
    assert (
        cluster.root("sacctmgr", "-nP", "show", "account", NEW, "format=account,org").stdout == f"{NEW}|superfacility\n"
    )

    config = ("--config", facility.config, "--json")
    searched = subprocess.run(
        [SFAPI, "audit", "search", "--action", "associations.*", *config], capture_output=True, text=True, check=True
    )
    actions = {row["action"] for row in json.loads(searched.stdout)}
    assert actions == {"associations.add_account", "associations.add_users", "associations.remove_users"}


def test_who_was_added_by_others_is_taken_out_on_request_alone(
    slurm_facility: Any, cluster: SlurmCluster, there: Callable[[str], set[str]]
) -> None:
    carol = cluster.users["carol"].name
    cluster.root("sacctmgr", "-i", "add", "user", f"name={carol}", "account=m0001")
    assert carol in there("m0001")
    told = run(slurm_facility, "plan")
    assert re.search(rf"m0001: .*{carol}.*--prune", told.stderr)
    run(slurm_facility, "apply", "--yes")
    assert carol in there("m0001")
    assert ("remove users", [carol]) in planned(slurm_facility, "m0001", "--prune")
    run(slurm_facility, "apply", "--yes", "--prune")
    assert carol not in there("m0001")


def test_a_scheduler_without_accounts_says_so(new_facility: Callable[[], Any]) -> None:
    assert "keeps no accounts" in run(new_facility(), "plan", code=1).stderr
