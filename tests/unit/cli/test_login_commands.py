"""`sfapi admin user` for logins, on a real installation: what the commands change, print and return."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from superfacility.bootstrap.stores import Stores, open_stores
from superfacility.cli.main import main
from superfacility.core.clock import SystemClock
from superfacility.facility.audit import AuditEntry
from superfacility.facility.people import UserName
from superfacility.oauth.applications import Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.logins import LoginSession
from superfacility.oauth.scopes import Scope
from superfacility.settings import configuration_file, load_settings

NOW = SystemClock().now()
DEMO1 = UserName("demo1")


class Desk:
    """A facility with the command at hand."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = directory / "superfacility.toml"
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = 0
        try:
            main(["admin", *arguments, "--config", str(self.config)])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *self._capsys.readouterr()

    def done(self, *arguments: str) -> Any:
        code, out, error = self.run(*arguments, "--json")
        assert code == 0, error
        return json.loads(out)

    def stores(self, ask: Callable[[Stores], Awaitable[Any]]) -> Any:
        async def opened() -> Any:
            stores = open_stores(load_settings(configuration_file(self.config)))
            try:
                return await ask(stores)
            finally:
                await stores.aclose()

        return asyncio.run(opened())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("logins") / "demo"
    with pytest.raises(SystemExit) as end:
        main(["init", str(folder), "--demo"])
    assert end.value.code == 0
    return folder


@pytest.fixture
def desk(made: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """With demo1 logged in twice, once in a browser and once in the command line."""
    found = Desk(made, capsys)
    found.stores(_log_in)
    return found


async def _log_in(stores: Stores) -> None:
    audit = AuditEntry(NOW, "test", "test.change", "something")
    await stores.login_sessions.end_all(DEMO1, audit)
    until = NOW + timedelta(hours=1)
    await stores.login_sessions.begin(LoginSession("a" * 64, DEMO1, "accounts", ("pwd",), NOW, NOW, until), audit)
    scopes, identity = frozenset({Scope.JOBS_READ}), frozenset({"openid"})
    for old in await stores.applications.grants(user=DEMO1):
        await stores.applications.revoke_grant(old.id, NOW, audit)
    identifier = GrantId(f"grant-{SystemClock().monotonic()}")
    grant = Grant(identifier, ClientId("sfapi-cli"), DEMO1, scopes, identity, NOW, until, NOW, ("pwd",))
    await stores.applications.allow(grant, audit)


async def _left(stores: Stores) -> tuple[int, int]:
    """Sessions and grants of demo1."""
    return len(await stores.login_sessions.of(DEMO1)), len(await stores.applications.grants(user=DEMO1))


async def _account(stores: Stores) -> Any:
    return await stores.accounts.account(DEMO1)


async def _actions(stores: Stores) -> list[str]:
    return [each.action for each in await stores.audit.entries(limit=20)]


def test_logging_somebody_out_ends_what_applications_were_allowed(desk: Desk) -> None:
    assert desk.done("user", "log-out", "demo1") == {"name": "demo1", "sessions": 1, "grants": 1}
    assert desk.stores(_left) == (0, 0)
    assert {"login.end_all", "grants.revoke"} <= set(desk.stores(_actions))
    code, out, _ = desk.run("user", "log-out", "demo1")
    assert (code, out) == (0, "demo1: Ended 0 sessions, and 0 logins of applications.\n")


def test_applications_may_keep_what_they_were_allowed(desk: Desk) -> None:
    found = desk.done("user", "log-out", "demo1", "--keep-applications")
    assert found == {"name": "demo1", "sessions": 1, "grants": None}
    assert desk.stores(_left) == (0, 1)


def test_a_link_is_shown_or_said_not_to_have_been_mailed(desk: Desk) -> None:
    shown = desk.done("user", "invite", "demo1", "--show")
    assert shown["url"].startswith("http")
    assert "/password?ticket=" in shown["url"]
    code, out, _ = desk.run("user", "reset-password", "demo1")
    assert code == 0
    assert "not mailed: this facility has no mail server" in out
    assert shown["url"] not in out  # each is a new one, and voids those before


def test_a_second_factor_is_taken_away_with_all_logins(desk: Desk) -> None:
    async def with_second_factor(stores: Stores) -> None:
        audit = AuditEntry(NOW, "test", "test.change", "something")
        await stores.accounts.set_password(DEMO1, "hash", audit)
        await stores.accounts.set_second_factor(DEMO1, "sealed", 1, ("mark",), audit)
        user = await stores.people.user(DEMO1)
        assert user is not None
        await stores.people.save_user(replace(user, email="demo1@example.org"), audit)

    desk.stores(with_second_factor)
    desk.stores(_log_in)
    code, out, error = desk.run("user", "reset-second-factor", "demo1")
    assert (code, out) == (0, "demo1 has no second factor now. Ended 1 sessions, and 1 logins of applications.\n")
    assert error.startswith("Not mailed to demo1@example.org: ")  # this facility has no mail server
    account = desk.stores(_account)
    assert (account.password, account.totp, account.recovery) == ("hash", None, ())
    assert desk.stores(_left) == (0, 0)
    assert "login.remove_second_factor" in desk.stores(_actions)


def test_identities_are_forgotten(desk: Desk) -> None:
    async def link(stores: Stores) -> None:
        await stores.identities.link("lab", "s-1", DEMO1, AuditEntry(NOW, "test", "test.change", "something"))

    desk.stores(link)
    assert desk.done("user", "unlink", "demo1") == {"name": "demo1", "count": 1}
    assert desk.done("user", "unlink", "demo1") == {"name": "demo1", "count": 0}


@pytest.mark.parametrize("command", ["invite", "reset-password", "reset-second-factor", "log-out", "unlink"])
def test_somebody_who_is_not_there_is_named(desk: Desk, command: str) -> None:
    code, _, error = desk.run("user", command, "nobody")
    assert code == 1
    assert "nobody" in error


@pytest.mark.parametrize("command", ["invite", "reset-password", "reset-second-factor"])
def test_without_accounts_of_its_own_a_facility_has_no_passwords(desk: Desk, command: str) -> None:
    kept = desk.config.read_text()
    desk.config.write_text(kept.replace("# accounts = true", "accounts = false"))
    try:
        code, _, error = desk.run("user", command, "demo1")
    finally:
        desk.config.write_text(kept)
    assert code == 1
    assert "people log in at its identity provider" in error
