"""People of a real slapd, followed by a real server: they come, get what groups say, and lose power within a minute."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sfapi_client import Client

from superfacility.cli.configuration import toml
from superfacility.testing.directories import Slapd
from superfacility.testing.directories.slapd import GROUPS, PEOPLE, READER

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 90.0
WITHIN = 60.0
"""Goal S3: at the latest so many seconds after an account is locked it has no power."""


def make(new_facility: Callable[[], Any], slapd: Slapd) -> Any:
    """A facility of its own, and the directory as it is at first."""
    if not slapd.is_up():
        slapd.start()
    slapd.empty()
    slapd.add_person("alice", 5001)
    slapd.add_person("bob", 5002)
    slapd.add_group("grp-m0001", 3001, "alice", "bob")
    slapd.add_group("ops", 3002, "bob")
    facility = new_facility()
    source = {"adapter": "ldap", "time_limit_seconds": 2, **slapd.options}
    table = {"source": source, "fresh_seconds": 10, "staff_groups": ["ops"], "projects": {"grp-m0001": "m0001"}}
    with Path(facility.config).open("a") as file:
        file.write("\n[directory]\n" + "".join(f"{name} = {toml(value)}\n" for name, value in table.items()))
    return facility


def run(facility: Any, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    command = [SFAPI, *arguments, "--config", facility.config]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


def lock(slapd: Slapd, name: str, locked: bool = True) -> None:
    value = "replace: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z" if locked else None
    slapd.modify(f"dn: uid={name},{PEOPLE}\nchangetype: modify\n{value or 'delete: pwdAccountLockedTime'}\n")


def until(what: Callable[[], bool], limit: float) -> float:
    """Seconds until it is so."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < limit
        time.sleep(0.5)
    return time.monotonic() - began


class TestTheOperator:
    """By command, before anything is served."""

    @pytest.fixture
    def facility(self, new_facility: Callable[[], Any], slapd: Slapd) -> Any:
        return make(new_facility, slapd)

    def test_sees_what_would_change_and_changes_it(self, facility: Any) -> None:
        checked = run(facility, "admin", "directory", "check")
        assert "would change            2" in checked.stdout
        dry = json.loads(run(facility, "admin", "directory", "sync", "--dry-run", "--json").stdout)
        assert [(row["user"], row["change"]) for row in dry] == [("alice", "add"), ("bob", "add")]
        assert "alice" not in {row["name"] for row in facility.admin("user", "list")}
        assert json.loads(run(facility, "admin", "directory", "sync", "--json").stdout) == dry
        again = run(facility, "admin", "directory", "sync")
        assert (again.stdout, again.stderr) == ("", "The copy is as the directory is: nothing was changed.\n")
        users = {row["name"]: row for row in facility.admin("user", "list")}
        assert (users["alice"]["uid"], users["alice"]["staff"], users["bob"]["staff"]) == (5001, False, True)
        members = {row["user"] for row in facility.admin("project", "member", "list", "m0001")}
        assert {"alice", "bob"} <= members

    def test_is_told_who_is_not_followed_and_decides(self, facility: Any, slapd: Slapd) -> None:
        facility.admin("user", "add", "carol", "--uid", "1234")
        slapd.add_person("carol", 5003)
        checked = run(facility, "admin", "directory", "check", code=1)
        assert "sfapi admin directory adopt carol" in checked.stderr
        key = json.loads(facility.key("carol").read_text())
        run(facility, "admin", "directory", "adopt", "carol")
        run(facility, "admin", "directory", "check")
        slapd.delete(f"uid=carol,{PEOPLE}")
        slapd.add_person("carol", 5003)
        refused = run(facility, "admin", "directory", "sync")
        assert "sfapi admin directory replace carol" in refused.stderr
        assert not facility.admin("user", "show", "carol")["active"]
        run(facility, "admin", "directory", "replace", "carol")
        assert facility.admin("user", "show", "carol")["active"]
        (client,) = [row for row in facility.admin("client", "list") if row["id"] == key["client_id"]]
        assert client["revoked_at"]
        rows = json.loads(run(facility, "audit", "search", "--action", "directory.*", "--json").stdout)
        assert {"directory.adopt_user", "directory.replace_user"} <= {row["action"] for row in rows}

    def test_is_told_what_is_wrong_with_the_directory(self, facility: Any, slapd: Slapd) -> None:
        assert "sfapi: " not in run(facility, "check").stderr
        config = Path(facility.config)
        right = config.read_text()
        try:
            config.write_text(right.replace(READER, READER.replace("reader", "stranger")))
            assert "does not accept the password of cn=stranger" in run(facility, "check", code=1).stdout
            config.write_text(right.replace('adapter = "ldap"', 'adapter = "nis"'))
            assert "names directory 'nis'; installed are: ldap" in run(facility, "check", code=1).stdout
        finally:
            config.write_text(right)


@pytest.fixture(scope="module")
def served_facility(new_facility: Callable[[], Any], slapd: Slapd) -> Iterator[Any]:
    facility = make(new_facility, slapd)
    run(facility, "admin", "directory", "sync")
    facility.start("--workers", "2")
    yield facility
    assert facility.stop() == 0


class TestTheServer:
    """While it serves."""

    @pytest.fixture
    def call(self, served_facility: Any) -> Callable[[], httpx.Response]:
        """A request with alice's token, which is good for ten minutes."""
        with Client(
            key=served_facility.key("alice"), api_base_url=served_facility.base_url, token_url=served_facility.token_url
        ) as client:
            headers = {"Authorization": f"Bearer {client.token}"}
        return lambda: httpx.get(f"{served_facility.base_url}/account/", headers=headers, timeout=DEADLINE)

    def test_people_of_the_directory_call(self, call: Callable[[], httpx.Response]) -> None:
        assert call().json()["uid"] == 5001

    def test_a_locked_account_has_no_power_within_a_minute(
        self, served_facility: Any, slapd: Slapd, call: Callable[[], httpx.Response]
    ) -> None:
        assert call().status_code == 200
        lock(slapd, "alice")
        try:
            took = until(lambda: call().status_code == 403, WITHIN)
            words = call().json()["detail"]
        finally:
            lock(slapd, "alice", locked=False)
        print(f"A locked account had no power after {took:.0f} s.")
        assert "not active" in words
        until(lambda: call().status_code == 200, WITHIN)

    def test_while_the_directory_hangs_people_work_on(self, slapd: Slapd, call: Callable[[], httpx.Response]) -> None:
        slapd.pause()
        try:
            end = time.monotonic() + 20
            while time.monotonic() < end:
                assert call().status_code == 200
                time.sleep(0.5)
        finally:
            slapd.resume()

    def test_who_leaves_the_directory_leaves_us(self, served_facility: Any, slapd: Slapd) -> None:
        slapd.modify(f"dn: cn=ops,{GROUPS}\nchangetype: modify\ndelete: memberUid\n")
        slapd.delete(f"uid=bob,{PEOPLE}")
        run(served_facility, "admin", "directory", "sync")
        assert not served_facility.admin("user", "show", "bob")["active"]
