"""Goal S15 on a real database: a change and its audit row are one transaction; a commit that fails leaves neither."""

import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI
from tests.api.test_audit import CHANGES, callback_at

from superfacility.adapters.sql import open_database
from superfacility.app import create_app
from superfacility.bootstrap import stores
from superfacility.bootstrap.runtime import Runtime, open_services
from superfacility.facility.audit import AuditEntry
from superfacility.facility.deliveries import Step
from superfacility.facility.people import GroupName, Project, ProjectName, Role, User, UserName
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.settings import Settings

DEMO1, DEMO2 = UserName("demo1"), UserName("demo2")
SYSTEM = {"full_name": "Perlmutter", "scheduler": {"adapter": "embedded"}}
OF_NO_ACCOUNT = {"counters", "sqlite_sequence", "alembic_version"}
Rows = dict[str, list[Any]]


@dataclass
class Commits:
    """Reads the database after each commit, or makes each fail."""

    path: Path
    failing: bool = False
    seen: list[Rows] = field(default_factory=list)

    def __call__(self, point: str) -> None:
        if point == "before" and self.failing:
            raise sqlite3.OperationalError("database or disk is full")
        if point == "after":
            self.seen.append(self.rows())

    def rows(self) -> Rows:
        with closing(sqlite3.connect(self.path)) as database:
            names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            return {
                name: database.execute(f'SELECT * FROM "{name}"').fetchall()
                for name in names
                if name not in OF_NO_ACCOUNT
            }


class AnyToken:
    """Believes that demo1 calls with a red client."""

    async def authenticate(self, token: str, address: str) -> Principal:
        level, user = SecurityLevel.RED, User(1001, DEMO1)
        until = datetime.max.replace(tzinfo=UTC)
        return Principal(user, ClientId("client-demo1"), level, scopes_of(level), address, until)


@dataclass
class Whole:
    """An installation as it is opened for serving."""

    runtime: Runtime
    app: FastAPI
    commits: Commits

    async def call(self, method: str, path: str, form: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 4711))
        async with httpx.AsyncClient(transport=transport, base_url="https://facility.example") as http:
            return await http.request(method, f"/api/v1.2{path}", headers={"Authorization": "Bearer x"}, data=form)


@pytest.fixture
async def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Whole]:
    settings = Settings(
        name="Test", public_url="https://api.example.org", systems={"perlmutter": SYSTEM}, shared_account=True
    ).within(tmp_path)
    stores.prepare(settings)
    commits = Commits(Path(settings.database_location))
    monkeypatch.setattr(stores, "open_database", partial(open_database, on_commit=commits))
    runtime = open_services(settings)
    await _fill(runtime)
    services = replace(runtime.services, tokens=cast("Any", AnyToken()))
    yield Whole(runtime, create_app(services, name="Test"), commits)
    await runtime.aclose()


async def _fill(runtime: Runtime) -> None:
    people, now = runtime.stores.people, runtime.clock.now()
    audit = AuditEntry(now, "operator:test", "test.fill", "everything")
    for uid, name in ((1001, DEMO1), (1002, DEMO2)):
        await people.save_user(User(uid, name), audit, new=True)
    project = ProjectName("m0001")
    await people.save_project(Project(1, project), audit, new=True)
    for name, role in ((DEMO1, Role.PI), (DEMO2, Role.USER)):
        await people.set_membership(project, name, role, audit)
    principal = await AnyToken().authenticate("", "127.0.0.1")
    await people.create_group(GroupName("g0001"), project, [], audit)
    await runtime.services.callbacks.secret(principal)  # made when it is first needed, which is nobody's change
    await runtime.services.utilities.command(principal, "perlmutter", "true")
    await runtime.stores.callbacks.commit(Step(1, deliveries=[callback_at(now)]))


WITHOUT_SCHEDULER = [each for each in CHANGES if "/reservations/perlmutter/" not in each[1]]
"""Those of a reservation ask the scheduler for it first, and are accepted as others are."""
changes: Callable[..., Any] = pytest.mark.parametrize(("method", "path", "form", "action"), WITHOUT_SCHEDULER)


@changes
async def test_a_change_is_committed_with_its_row(whole: Whole, method: str, path: str, form: Any, action: str) -> None:
    before = whole.commits.rows()
    whole.commits.seen.clear()
    answer = await whole.call(method, path, form)
    assert answer.status_code == 200, answer.text
    told = []
    for after in whole.commits.seen:
        changed = {name for name in after if after[name] != before[name]}
        assert not changed or "audit" in changed, changed
        told += after["audit"][len(before["audit"]) :]
        before = after
    assert [row[3] for row in told] == [action]


@changes
async def test_where_the_commit_fails_there_is_neither_the_change_nor_its_row(
    whole: Whole, method: str, path: str, form: Any, action: str
) -> None:
    before = whole.commits.rows()
    whole.commits.failing = True
    answer = await whole.call(method, path, form)
    whole.commits.failing = False
    assert answer.status_code == 503, answer.text
    assert answer.headers["retry-after"]
    assert whole.commits.rows() == before
