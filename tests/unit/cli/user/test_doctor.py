"""`sfapi doctor`: each fault that it knows, made, and what it says to do."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from superfacility.client import new_key_pair
from superfacility.client.errors import ConfigurationError, NotAuthenticated, SuperfacilityError, Unavailable
from superfacility.client.facilities import Facility
from superfacility.client.records.clients import ClientAddresses, RegisteredClient

HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


class Answer:
    """A reply without a body; its date is how the facility's clock stands."""

    status = 200

    def __init__(self, skew: float | None) -> None:
        there = datetime.now(UTC) - timedelta(seconds=skew or 0)
        self.headers = {} if skew is None else {"date": there.strftime(HTTP_DATE)}

    async def piece(self, timeout: float | None = None) -> bytes:
        return b""

    async def close(self) -> None:
        return None


def client(level: str = "red", *, days: float, client_id: str = "c1", state: str = "active") -> RegisteredClient:
    ends = datetime.now(UTC) + timedelta(days=days, minutes=5)
    return RegisteredClient(client_id, "laptop", level, ends, "demo1", (), state, "")


@pytest.fixture
def doctor(run: Any, connection: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Its findings by name, given how the facility answers."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    connection.answers |= {
        "access_token": "token",
        "clients": (client(days=1.5),),
        "client_addresses": ClientAddresses("192.0.2.7", {}),
    }

    def look(skew: float | None = 0.0, api: str = "https://api.example/api/v1.2", fault: Any = None) -> Any:
        async def reply(_: Any) -> Answer:
            if fault is not None:
                raise fault
            return Answer(skew)

        connection.session = SimpleNamespace(api=api, reply=reply)
        done = run("doctor", "--json")
        found = {check["name"]: check for check in json.loads(done.out)["checks"]}
        assert (done.code == 1) == any(check["state"] == "problem" for check in found.values())
        return found

    return look


def test_a_healthy_place_is_all_ok(doctor: Any, run: Any) -> None:
    found = doctor()
    assert {name: check["state"] for name, check in found.items()} == {
        "configuration": "ok", "facility": "ok", "TLS": "ok", "clock": "ok", "login": "ok", "client": "ok",
        "address": "ok",
    }  # fmt: skip
    assert "192.0.2.7" in found["address"]["found"]
    assert "you are demo1, by client c1 of level red" in found["login"]["found"]
    assert run("doctor").out.startswith("ok       configuration:")


@pytest.mark.parametrize(
    ("skew", "state", "words"),
    [
        (30, "warning", "s ahead"),
        (-30, "warning", "s behind"),
        (300, "problem", "s ahead"),
        (-300, "problem", "s behind"),
        (None, "unknown", "does not tell its time"),
    ],
)
def test_a_wrong_clock_is_measured(doctor: Any, skew: float | None, state: str, words: str) -> None:
    check = doctor(skew)["clock"]
    assert (check["state"], words in check["found"]) == (state, True)
    assert ("NTP" in check["advice"]) == (skew is not None)


@pytest.mark.parametrize(
    ("mode", "state", "advice"),
    [(0o600, "ok", ""), (0o400, "warning", "chmod 600"), (0o640, "problem", ""), (0o604, "problem", "")],
)
def test_keys_that_others_may_read_are_named(doctor: Any, home: Path, mode: int, state: str, advice: str) -> None:
    home.mkdir()
    key = home / "laptop.pem"
    key.write_text(f"c1abcdefghijk\n{new_key_pair('ES256')[2]}")
    key.chmod(mode)
    check = doctor()["key"]
    assert (check["state"], str(key) in check["found"]) == (state, True)
    assert advice in check["advice"]


def test_what_is_no_key_is_named_without_its_text(doctor: Any, home: Path) -> None:
    home.mkdir()
    (home / "laptop.pem").write_text("canary")
    (home / "laptop.pem").chmod(0o600)
    check = doctor()["key"]
    assert check["state"] == "problem"
    assert "canary" not in json.dumps(check)


def test_a_folder_that_others_may_change_is_a_problem(doctor: Any, home: Path) -> None:
    home.mkdir()
    home.chmod(0o777)
    assert doctor()["keys"]["advice"] == f"chmod 700 {home}"


@pytest.mark.parametrize(
    ("found", "state", "words"),
    [
        (client(days=0.25), "warning", "red client c1 'laptop' (this one) ends in 6 hours"),
        (client("yellow", days=3, client_id="c2"), "warning", "ends in 3 days"),
        (client("yellow", days=30), "ok", "lives until"),
    ],
)
def test_clients_that_end_soon_are_named(
    doctor: Any, connection: Any, found: RegisteredClient, state: str, words: str
) -> None:
    connection.answers["clients"] = (
        found,
        client(days=-3, client_id="c8"),
        client(days=1, client_id="c9", state="revoked"),
    )
    check = doctor()["client"]
    assert (check["state"], words in check["found"]) == (state, True)
    assert check["advice"] == (f"sfapi clients renew {found.id}" if state == "warning" else "")


def test_nobody_is_logged_in(doctor: Any, connection: Any) -> None:
    connection.answers["access_token"] = None
    found = doctor()
    assert (found["login"]["state"], found["login"]["advice"]) == ("warning", "sfapi login")
    assert "address" not in found


def test_a_token_that_has_ended_is_a_problem(doctor: Any, connection: Any) -> None:
    connection.answers["account"] = NotAuthenticated("The token has ended. Log in again: sfapi login")
    assert doctor()["identity"]["state"] == "problem"


def test_a_facility_that_does_not_say_where_it_sees_you_is_no_problem(doctor: Any, connection: Any) -> None:
    connection.answers["client_addresses"] = SuperfacilityError("no such path", status=404)
    assert doctor()["address"]["state"] == "unknown"


def test_a_facility_that_is_away_ends_the_looking(doctor: Any) -> None:
    found = doctor(fault=Unavailable("api.example cannot be reached."))
    assert found["facility"]["state"] == "problem"
    assert "login" not in found


def test_a_stranger_is_sent_nothing(doctor: Any) -> None:
    found = doctor(fault=ConfigurationError("The certificate of api.example is not trusted (…)."))
    assert (found["certificate"]["state"], "login" in found) == ("problem", False)


def test_http_over_a_network_is_a_problem_and_on_this_machine_none(doctor: Any) -> None:
    assert doctor(api="http://api.example/api/v1.2")["TLS"]["advice"] == "use https://"
    assert "TLS" not in doctor(api="http://127.0.0.1:8000/api/v1.2")


def test_a_proxy_is_named_without_its_password(doctor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://demo:canary@proxy.example:3128")
    check = doctor()["proxy"]
    assert "proxy.example:3128, as HTTPS_PROXY says" in check["found"]
    assert "NO_PROXY=api.example" in check["advice"]
    assert "canary" not in json.dumps(check)
    monkeypatch.setenv("NO_PROXY", "api.example")
    assert "proxy" not in doctor()


def test_a_configuration_that_others_may_change_is_a_problem(doctor: Any, home: Path) -> None:
    home.mkdir()
    (home / "config.toml").write_text('[facilities.a]\nurl = "https://a.example"\n')
    (home / "config.toml").chmod(0o666)
    check = doctor()["configuration"]
    assert (check["state"], "chmod 600" in check["found"]) == ("problem", True)


def test_known_facilities_are_listed(doctor: Any, connection: Any, home: Path) -> None:
    home.mkdir()
    connection.facility = Facility("a", "https://api.example", ca_file="/etc/ca.pem")
    (home / "config.toml").write_text(
        '[facilities.a]\nurl = "https://a.example"\n[facilities.b]\nurl = "https://b.example"\n'
    )
    (home / "config.toml").chmod(0o600)
    found = doctor()
    assert "knows: a, b" in found["configuration"]["found"]
    assert "/etc/ca.pem" in found["TLS"]["found"]
