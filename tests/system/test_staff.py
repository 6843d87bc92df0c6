"""Staff who do not sit at the host: they decide requests, applications and hours at a terminal of their own, and what
people have asked for works from then on."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from sfapi_client import Client as SfapiClient
from tests.system.terminals import DEADLINE, browsing, calling, logged_in, run, site_of, with_logins

from superfacility.cli.user.description.schemas import every_schema
from superfacility.client.credentials.assertions import sign
from superfacility.client.credentials.key_files import read_key_file
from superfacility.core.clock import SystemClock
from superfacility.testing.proofs import DeviceKey

SCHEMAS = dict(every_schema())
PROJECT = "m0007"
NIGHT = ("--name", "night", "--level", "red", "--days", "30", "--purpose", "To measure at night")


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Any:
    found = with_logins(new_facility())
    found.admin("user", "add", "ada", "--staff")
    found.admin("project", "add", PROJECT, "--unlimited")
    found.admin("project", "member", "add", PROJECT, "demo1")
    return found


@pytest.fixture(scope="module")
def home(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of demo1, who has logged in."""
    with browsing(facility, "demo1") as found:
        return logged_in(facility, found, tmp_path_factory.mktemp("demo1"), "demo1")


@pytest.fixture(scope="module")
def staff(facility: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of ada, who is of the staff and has logged in."""
    with browsing(facility, "ada") as found:
        return logged_in(facility, found, tmp_path_factory.mktemp("ada"), "ada")


def told(home: Path, noun: str, verb: str, *words: str) -> Any:
    """What a command has printed as JSON, as its schema says."""
    done = run(home, noun, verb, *words, "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    jsonschema.validate(document, SCHEMAS[f"{noun} {verb}"])
    return document


def test_a_client_is_asked_for_approved_by_staff_and_works(facility: Any, home: Path, staff: Path) -> None:
    request = told(home, "clients", "request", *NIGHT)["request"]["id"]
    pending = {each["id"]: each for each in told(staff, "client-requests", "list", "--pending")["requests"]}
    waiting = pending[request]
    assert (waiting["requester"], waiting["user"]) == ("demo1", "demo1")
    seen = run(staff, "client-requests", "show", request)
    for words in ("To measure at night", "127.0.0.1/32", "compute.jobs:write", waiting["key"]):
        assert words in seen.stdout
    assert f"sfapi client-requests approve {request}" in seen.stderr
    own = run(home, "client-requests", "approve", request)
    assert (own.returncode, "staff" in own.stderr) == (3, True), own.stderr
    assert run(home, "client-requests").returncode == 3
    approved = told(staff, "client-requests", "approve", request, "--days", "14")["request"]
    assert (approved["state"], approved["decided_by"]) == ("approved", "ada")
    assert run(staff, "client-requests", "refuse", request, "--reason", "late").returncode == 1
    key = told(home, "clients", "collect", request)["key_file"]
    with SfapiClient(key=key, api_base_url=facility.base_url, token_url=facility.token_url) as program:
        assert program.user().name == "demo1"
    (last, *_) = json.loads(run(staff, "activity", "--user", "ada", "--action", "client_*", "--json").stdout)["entries"]
    assert (last["action"], last["target"], last["address"]) == ("client_requests.approve", request, "127.0.0.1")
    assert run(home, "activity", "--user", "ada").returncode == 3


def test_staff_refuse_with_a_reason_that_is_read(home: Path, staff: Path) -> None:
    request = told(home, "clients", "request", *("--name", "wide", *NIGHT[2:]))["request"]["id"]
    assert run(staff, "client-requests", "refuse", request).returncode == 2
    assert (
        told(staff, "client-requests", "refuse", request, "--reason", "Name the hosts")["request"]["state"] == "refused"
    )
    assert "Name the hosts" in run(home, "clients", "requests").stdout


def test_staff_do_not_decide_by_a_programs_key(facility: Any, home: Path, staff: Path, tmp_path: Path) -> None:
    key = told(staff, "clients", "create", "--name", "robot", "--level", "red")["key_file"]
    assert run(tmp_path, "login", facility.base_url, "--facility", "demo", "--key", key).returncode == 0
    request = told(home, "clients", "request", *("--name", "robots", *NIGHT[2:]))["request"]["id"]
    refused = run(tmp_path, "client-requests", "approve", request)
    assert (refused.returncode, "sfapi login" in refused.stderr) == (3, True), refused.stderr


def test_an_application_is_approved_as_it_was_seen(facility: Any, home: Path, staff: Path) -> None:
    """Nobody can log in to it before, and what was changed since staff looked is not approved."""
    form = {"name": "Gateway", "level": "orange", "device": True, "redirect_uris": ["https://gateway.example/cb"]}
    begin = f"{site_of(facility)}/oauth2/device_authorization"
    with calling(facility, home) as owner:
        made = owner.post("account/applications", json=form).json()["id"]
        wanted = {"client_id": made, "scope": "account.info:read"}
        assert httpx.post(begin, data=wanted, timeout=DEADLINE).status_code in {400, 401}
        (waiting,) = told(staff, "applications", "list", "--pending")["applications"]
        old = told(staff, "applications", "show", made)["application"]["fingerprint"]
        assert (waiting["id"], waiting["fingerprint"]) == (made, old)
        assert run(home, "applications", "approve", made, "--seen", old).returncode == 3
        owner.patch(f"account/applications/{made}", json={"homepage": "https://gateway.example"}).raise_for_status()
    late = run(staff, "applications", "approve", made, "--seen", old)
    assert (late.returncode, f"sfapi applications show {made}" in late.stderr) == (1, True), late.stderr
    seen = run(staff, "applications", "show", made)
    assert "https://gateway.example/cb" in seen.stdout
    command = next(line for line in seen.stderr.splitlines() if "--seen" in line).partition("sfapi ")[2]
    assert run(staff, *command.split()).returncode == 0
    assert httpx.post(begin, data=wanted, timeout=DEADLINE).status_code == 200
    done = run(staff, "activity", "--all", "--action", "applications.*", "--limit", "2", "--json")
    last, before = json.loads(done.stdout)["entries"]
    assert (last["actor"], last["action"]) == ("ada", "applications.approve")
    assert (before["actor"], before["action"]) == ("demo1", "applications.change")
    assert told(staff, "applications", "revoke", made)["application"]["revoked_at"]
    assert httpx.post(begin, data=wanted, timeout=DEADLINE).status_code in {400, 401}


def test_staff_give_hours_and_members_see_them(home: Path, staff: Path) -> None:
    year = ("--begins", "2027-01-01", "--ends", "2027-12-31")
    assert run(home, "allocations", "add", PROJECT, "--kind", "gpu", "--hours", "5", *year).returncode == 3
    made = told(staff, "allocations", "add", PROJECT, "--kind", "gpu", "--hours", "5", *year)["allocation"]
    assert (made["hours"], made["begins"], made["ends"]) == (5, "2027-01-01", "2027-12-31")
    number = str(made["id"])
    changed = told(staff, "allocations", "change", PROJECT, number, "--hours", "8", "--without", "ends")["allocation"]
    assert (changed["hours"], changed["ends"]) == (8, None)
    (seen,) = [each for each in told(home, "allocations", "list")["allocations"] if each["id"] == made["id"]]
    assert (seen["hours"], seen["left"], seen["kind"]) == (8, 8, "gpu")
    last = run(staff, "allocations", "remove", PROJECT, number)
    assert (last.returncode, "unlimited" in last.stderr) == (1, True), last.stderr
    assert told(staff, "allocations", "remove", PROJECT, number, "--unlimited")["allocation"]["id"] == made["id"]
    assert told(staff, "allocations", "rule", PROJECT, "block")["when_exhausted"] == "block"
    assert told(home, "allocations", "rule", PROJECT)["when_exhausted"] == "block"
    assert told(staff, "allocations", "rule", PROJECT, "facility")["when_exhausted"] == "facility"


def test_a_client_bound_to_a_key_works_with_that_key_alone(facility: Any, home: Path, tmp_path: Path) -> None:
    client = told(home, "clients", "create", "--name", "bound", "--level", "red", "--dpop")
    assert client["client"]["dpop"] is True
    assert run(tmp_path, "login", facility.base_url, "--facility", "demo", "--key", client["key_file"]).returncode == 3
    key, device, clock = read_key_file(Path(client["key_file"])), DeviceKey(), SystemClock()
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": sign(key, facility.token_url, clock),
    }
    shown = {"DPoP": device.proof("POST", facility.token_url, clock.now())}
    token = httpx.post(facility.token_url, data=form, headers=shown, timeout=DEADLINE).json()["access_token"]
    url = f"{facility.base_url}/account/clients"
    form = {"name": "child", "level": "green", "ranges": ["mine"], "public_key": DeviceKey(number=101).public}

    def create(device: DeviceKey, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"DPoP {token}", "DPoP": device.proof("POST", url, clock.now(), token)}
        return httpx.post(url, json=form | more, headers=headers, timeout=DEADLINE)

    made = create(device)
    assert made.status_code == 201, made.text
    assert made.json()["dpop"] is True
    looser = create(device, dpop=False)
    assert (looser.status_code, "less strictly" in looser.text) == (403, True)
    assert create(DeviceKey(number=102)).status_code in {401, 403}
    assert httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE).status_code in {401, 403}
