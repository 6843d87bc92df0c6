"""`sfapi login` by device flow, and the clients that who has logged in may make: a person, a terminal and a browser
without a browser, against a served facility."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sfapi_client import Client as SfapiClient
from tests.system.terminals import (
    DEADLINE,
    Browser,
    answered,
    begun,
    browsing,
    calling,
    ended,
    logged_in,
    run,
    token_file,
    with_logins,
)


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Any:
    return with_logins(new_facility())


@pytest.fixture(scope="module")
def browser(facility: Any) -> Iterator[Browser]:
    """Of demo1."""
    with browsing(facility, "demo1") as found:
        yield found


@pytest.fixture(scope="module")
def home(facility: Any, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of somebody who has logged in and agreed in the browser."""
    return logged_in(facility, browser, tmp_path_factory.mktemp("superfacility"), "demo1")


@pytest.fixture(scope="module")
def staff(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of ada, who is of the staff."""
    facility.admin("user", "add", "ada", "--staff")
    with browsing(facility, "ada") as found:
        return logged_in(facility, found, tmp_path_factory.mktemp("staff"), "ada")


def aged(home: Path) -> dict[str, Any]:
    """As if the access token were about to end."""
    content: dict[str, Any] = json.loads(token_file(home).read_text())
    content["access"]["expires_at"] = content["access"]["received_at"]
    token_file(home).write_text(json.dumps(content))
    return content


def test_who_logged_in_may_work(home: Path) -> None:
    assert token_file(home).stat().st_mode & 0o777 == 0o600
    who = json.loads(run(home, "whoami", "--json").stdout)["identity"]
    assert (who["account"]["name"], who["client_id"]) == ("demo1", "sfapi-cli")
    done = run(home, "submit", "--wait", "--parsable", stdin="#!/bin/sh\nexit 3\n")
    assert done.returncode == 3, done.stderr
    assert run(home, "cancel", done.stdout.strip()).returncode in {0, 1}
    assert run(home, "doctor").returncode == 0


def test_a_client_is_made_used_rotated_and_revoked(facility: Any, home: Path, tmp_path: Path) -> None:
    """Its key file works in the unmodified sfapi_client, and in a second person's home as the key of `sfapi`."""
    made = run(home, "clients", "create", "--name", "camera", "--level", "red", "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    key, client_id = Path(told["key_file"]), told["client"]["id"]
    assert key.stat().st_mode & 0o777 == 0o600
    assert told["client"]["ranges"] == ["127.0.0.1/32"]
    with SfapiClient(key=str(key), api_base_url=facility.base_url, token_url=facility.token_url) as program:
        assert client_id in {each.clientId for each in program.user().clients()}
        job = program.compute("perlmutter").submit_job("#!/bin/sh\nexit 0\n")
        assert int(job.jobid) > 0
    assert run(tmp_path, "login", facility.base_url, "--facility", "demo", "--key", str(key)).returncode == 0
    done = run(tmp_path, "submit", "--wait", "--parsable", stdin="#!/bin/sh\nexit 0\n")
    assert done.returncode == 0, done.stderr
    alone = run(tmp_path, "clients", "renew", client_id)
    assert (alone.returncode, "live longer" in alone.stderr) == (3, True), alone.stderr
    second = tmp_path / "second.json"
    assert run(home, "clients", "rotate", client_id, "--out", str(second)).returncode == 0
    assert run(tmp_path, "login", facility.base_url, "--facility", "new", "--key", str(second)).returncode == 0
    (tmp_path / ".tokens" / "demo.json").unlink(missing_ok=True)
    assert run(home, "clients", "revoke", client_id).returncode == 0
    for name in ("demo", "new"):
        refused = run(tmp_path, "whoami", "--facility", name)
        assert refused.returncode == 3, refused.stderr
    assert json.loads(run(home, "clients", "show", client_id, "--json").stdout)["client"]["state"] == "revoked"
    facility.admin("client", "show", client_id)


def test_levels_and_addresses_are_told(home: Path) -> None:
    levels = json.loads(run(home, "clients", "levels", "--json").stdout)["levels"]
    assert [each["level"] for each in levels] == ["green", "yellow", "orange", "red"]
    assert levels[3]["without_review"]["days"] == 2
    assert "create, change" in levels[3]["scopes"]["account.clients:write"]
    assert json.loads(run(home, "clients", "addresses", "--json").stdout)["addresses"]["address"] == "127.0.0.1"
    table = run(home, "clients", "levels").stdout.splitlines()
    assert table[0].split("\t")[:3] == ["LEVEL", "DAYS", "RANGES"]


def test_a_client_that_staff_approve_is_collected(facility: Any, home: Path) -> None:
    wanted = ("--name", "night", "--level", "red", "--days", "30", "--purpose", "To measure at night")
    refused = run(home, "clients", "create", *wanted[:-2])
    assert refused.returncode != 0
    assert "sfapi clients request" in refused.stderr
    assert not (home / "night.pem").exists()
    asked = run(home, "clients", "request", *wanted, "--json")
    assert asked.returncode == 0, asked.stderr
    request = json.loads(asked.stdout)["request"]["id"]
    early = run(home, "clients", "collect", request)
    assert (early.returncode, "pending" in early.stderr) == (2, True), early.stderr
    assert [each["id"] for each in facility.admin("client-request", "list", "--pending")] == [request]
    approved = facility.admin("client-request", "approve", request, "--days", "14")
    done = run(home, "clients", "collect", request, "--json")
    assert done.returncode == 0, done.stderr
    assert Path(json.loads(done.stdout)["key_file"]) == home / "night.pem"
    assert list((home / "requests").iterdir()) == []
    with SfapiClient(
        key=str(home / "night.pem"), api_base_url=facility.base_url, token_url=facility.token_url
    ) as program:
        assert program.user().name == "demo1"
    assert run(home, "clients", "revoke", approved["client_id"]).returncode == 0


def test_a_client_of_a_shared_account_goes_with_who_manages_it(
    facility: Any, home: Path, staff: Path, tmp_path: Path
) -> None:
    facility.admin("user", "add", "beam")
    facility.admin("collaboration", "set", "beam", "--manager", "demo1", "--manager", "ada")
    made = run(home, "clients", "create", "--user", "beam", "--name", "shared", "--level", "yellow", "--json")
    assert made.returncode == 0, made.stderr
    told = json.loads(made.stdout)
    assert (told["client"]["user"], told["client"]["holder"]) == ("beam", "demo1")
    login = ("login", facility.base_url, "--facility", "demo", "--key")
    assert run(tmp_path, *login, told["key_file"]).returncode == 0
    assert json.loads(run(tmp_path, "whoami", "--json").stdout)["identity"]["account"]["name"] == "beam"
    facility.admin("collaboration", "set", "beam", "--manager", "ada")
    refused = run(tmp_path, "whoami")
    assert (refused.returncode, "demo1, who has the key" in refused.stderr) == (3, True), refused.stderr
    taken = tmp_path / "taken.pem"
    over = run(staff, "clients", "rotate", told["client"]["id"], "--out", str(taken))
    assert over.returncode == 0, over.stderr
    second = tmp_path / "second"
    second.mkdir()
    assert run(second, *login, str(taken)).returncode == 0
    assert json.loads(run(second, "whoami", "--json").stdout)["identity"]["account"]["name"] == "beam"
    assert run(tmp_path, "whoami").returncode == 3


def test_a_client_that_is_bound_to_a_project_works_for_it_alone(facility: Any, home: Path, tmp_path: Path) -> None:
    facility.admin("project", "add", "m0007", "--cpu-hours", "10")
    facility.admin("project", "member", "add", "m0007", "demo1")
    made = run(home, "clients", "create", "--name", "bound", "--level", "red", "--project", "m0007", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)["key_file"]
    assert run(tmp_path, "login", facility.base_url, "--facility", "demo", "--key", key).returncode == 0
    with calling(facility, home) as person:
        for line in ("", "#SBATCH -A m0001\n"):  # what the client is bound to lies over what the script says
            done = run(tmp_path, "submit", "--wait", "--parsable", stdin=f"#!/bin/sh\n{line}exit 0\n")
            assert done.returncode == 0, done.stderr
            asked = f"compute/jobs/perlmutter/{done.stdout.strip()}"
            (job,) = person.get(asked, params={"sacct": True}).json()["output"]
            assert job["account"] == "m0007"
    elsewhere = run(tmp_path, "cat", f"perlmutter:{facility.home('demo1')}/hello.sh")
    command = run(tmp_path, "run", "true")
    assert (elsewhere.returncode, command.returncode) == (3, 3)
    assert "m0007" in elsewhere.stderr


def test_a_request_is_withdrawn_with_its_key(home: Path) -> None:
    wanted = ("--name", "late", "--level", "red", "--days", "30", "--purpose", "Perhaps")
    request = json.loads(run(home, "clients", "request", *wanted, "--json").stdout)["request"]["id"]
    assert run(home, "clients", "withdraw", request).returncode == 0
    assert list((home / "requests").iterdir()) == []
    assert "withdrawn" in run(home, "clients", "requests").stdout


def test_many_commands_refresh_a_login_once(home: Path) -> None:
    before = aged(home)
    codes: list[int] = []
    threads = [threading.Thread(target=lambda: codes.append(run(home, "whoami").returncode)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert codes == [0] * 6
    after = json.loads(token_file(home).read_text())
    assert after["refresh_token"] != before["refresh_token"]
    assert run(home, "whoami").returncode == 0, "a refresh token that is used twice ends the login"


def test_a_login_that_is_declined(facility: Any, browser: Browser, tmp_path: Path) -> None:
    process, code = begun(tmp_path, facility.base_url)
    answered(browser, code, "deny")
    code_of_exit, words = ended(process)
    assert code_of_exit == 3
    assert "declined" in words
    assert not (tmp_path / "config.toml").exists()


def test_a_login_that_only_looks(facility: Any, browser: Browser, tmp_path: Path) -> None:
    process, code = begun(tmp_path, facility.base_url, "--facility", "demo", "--read-only")
    answered(browser, code, "allow")
    assert ended(process)[0] == 0
    assert run(tmp_path, "jobs").returncode == 0
    refused = run(tmp_path, "submit", stdin="#!/bin/sh\n")
    assert refused.returncode == 3
    assert "sfapi" in refused.stderr


def test_a_login_is_worthless_after_logout(facility: Any, browser: Browser, tmp_path: Path) -> None:
    process, code = begun(tmp_path, facility.base_url, "--facility", "demo")
    answered(browser, code, "allow")
    assert ended(process)[0] == 0
    kept = aged(tmp_path)
    done = run(tmp_path, "logout", "--json")
    assert json.loads(done.stdout)["logout"] == {"facility": "demo", "revoked": True}
    assert run(tmp_path, "whoami").returncode == 3
    token_file(tmp_path).write_text(json.dumps(kept))
    token_file(tmp_path).chmod(0o600)
    stolen = run(tmp_path, "whoami")
    assert stolen.returncode == 3
    assert "sfapi login --facility demo" in stolen.stderr
