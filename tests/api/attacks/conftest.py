"""A town of two projects: what demo1 owns, and people who would like to have it."""

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from superfacility.facility.deliveries import Channel, NewDelivery, Step
from superfacility.facility.errors import FileProblem
from superfacility.facility.files import FileEntry, FileStat, WriteGuard
from superfacility.facility.people import Allocation, Project, ProjectName, Role, User, UserName
from superfacility.facility.reservations import Reservation, ReservationName
from superfacility.facility.transport import OpenFile
from superfacility.oauth.applications import Grant, GrantId
from superfacility.oauth.clients import ClientId
from superfacility.oauth.scopes import Scope
from superfacility.testing.tokens import key_pair
from superfacility.testing.transports import MemoryTransport

OWNER, STRANGER, COLLEAGUE = UserName("demo1"), UserName("demo2"), UserName("demo3")
"""demo1 leads m0001, demo2 leads m0002, demo3 is an ordinary member of m0001."""
MEMBER, APPLICANT = UserName("demo4"), UserName("demo5")
"""Another member of m0001, and somebody who asks to join it."""

CLIENT = {"name": "camera", "level": "green", "ranges": ["mine"], "public_key": key_pair("ES256")[1]}
ASKED = CLIENT | {"days": 90, "purpose": "a purpose of demo1"}


class OwnHomes(MemoryTransport):
    """Nobody but its owner sees into a home below `/home`, as on a real system."""

    async def listing(self, user: User, path: str) -> Sequence[FileEntry]:
        _check_home(user, path)
        return await super().listing(user, path)

    async def stat(self, user: User, path: str) -> FileStat:
        _check_home(user, path)
        return await super().stat(user, path)

    @asynccontextmanager
    async def read(
        self, user: User, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[OpenFile]:
        _check_home(user, path)
        async with super().read(user, path, offset=offset, length=length) as file:
            yield file

    async def write(
        self, user: User, path: str, chunks: AsyncIterable[bytes], guard: WriteGuard, *, limit: int | None = None
    ) -> int:
        _check_home(user, path)
        return await super().write(user, path, chunks, guard, limit=limit)


def _check_home(user: User, path: str) -> None:
    parts = path.split("/")
    if parts[1:2] == ["home"] and len(parts) > 2 and parts[2] not in ("", user.name):
        raise FileProblem(f"cannot open '{path}': Permission denied")


@dataclass
class Town:
    """A site where demo1 has one of everything. `objects` says under which id, by the end of a route's path."""

    site: Any
    objects: dict[str, str] = field(default_factory=dict)

    async def call(self, method: str, path: str, user: str, **options: Any) -> httpx.Response:
        found: httpx.Response = await self.site.call(method, path, f"red:{user}", **options)
        return found

    def address(self, path: str, *, known: bool = True) -> str:
        """A route's path with demo1's objects in it; not `known`: with what nobody has."""
        for end, found in self.objects.items():
            if end in path:
                name = end.rpartition("{")[2]
                path = path.replace("{" + name, found if known else _nobodys(found))
        path = path.replace("{machine}", "perlmutter").replace("/status/{name}", "/status/perlmutter")
        assert "{" not in path, f"{path}: make such an object in `_fill`, so that it can be attacked"
        return path

    async def fill(self) -> None:
        await _fill(self)

    def records(self) -> str:
        """Everything that is kept: where two are equal, nothing was changed between them."""
        site = self.site
        deliveries = site.services.callbacks.store._deliveries
        return repr((site.memory, site.transport.nodes, site.scheduler.jobs, site.scheduler.reserved, deliveries))


def _nobodys(found: str) -> str:
    """Of the same kind, and not there."""
    if "/" in found:
        return found.replace(OWNER, "nobody")
    return "999999" if found.isdecimal() else f"{found[:-1]}q"


@pytest.fixture
def transport() -> MemoryTransport:
    return OwnHomes()


@pytest.fixture
async def empty_town(site: Any) -> Town:
    """People and projects alone."""
    second = Project(2, ProjectName("m0002"), "Another", Allocation())
    await site.people.save_user(User(1004, COLLEAGUE), site.audit(), new=True)
    await site.people.save_project(second, site.audit(), new=True)
    await site.people.set_membership(second.name, STRANGER, Role.PI, site.audit())
    await site.people.set_membership(ProjectName("m0001"), COLLEAGUE, Role.USER, site.audit())
    for name in (OWNER, STRANGER, COLLEAGUE):
        site.transport.add_folder(f"/home/{name}")
    return Town(site)


@pytest.fixture
async def town(empty_town: Town) -> Town:
    await empty_town.fill()
    return empty_town


async def _fill(town: Town) -> None:
    """Give demo1 one of everything."""
    site = town.site
    for name in ("secret.txt", "7.out", "7.err"):
        site.transport.add_file(f"/home/demo1/{name}", b"canary\n")
    site.scheduler.add("7", OWNER, project=ProjectName("m0001"))
    await town.call("GET", "/compute/jobs/perlmutter", OWNER)  # the collector has seen the job
    await town.call("POST", "/account/groups", OWNER, data={"name": "g0001", "repo_name": "m0001"})
    for uid, name in ((1005, MEMBER), (1006, APPLICANT)):
        await site.people.save_user(User(uid, name), site.audit(), new=True)
    await site.people.set_membership(ProjectName("m0001"), MEMBER, Role.USER, site.audit())
    application = await _application(town)
    town.objects |= {
        "/tasks/{id}": await _task(town),
        "/callbacks/{id}": await _callback(town),
        "/groups/{group}": "g0001",
        "/projects/{repo_name}": "m0001",
        "/members/{user}": MEMBER,
        "/shares/{user}": MEMBER,
        "/allocations/{allocation_id}": "1",
        "/invitations/{invitation_id}": await _made(
            town, "/account/projects/m0001/invitations", OWNER, email="ada@example.org"
        ),
        "/requests/{request_id}": await _made(town, "/account/projects/m0001/requests", APPLICANT),
        "/join_requests/{request_id}": await _made(town, "/account/projects/m0002/requests", OWNER),
        "/applications/{application_id}": application,
        "/clients/{client_id}": await _made(town, "/account/clients", f"{OWNER}:login", **CLIENT),
        "/client_requests/{request_id}": await _made(town, "/account/client_requests", f"{OWNER}:login", **ASKED),
        "/grants/{grant_id}": await _grant(town, application),
        "/jobs/{machine}/{jobid}": "7",
        "/reservations/{machine}/{name}": _reservation(town),
        "/transfer/{globus_uuid}": await _transfer(town),
        "/{machine}/{path}": "home/demo1/secret.txt",
    }


async def _task(town: Town) -> str:
    answer = await town.call("POST", "/utilities/command/perlmutter", OWNER, data={"executable": "true"})
    return str(answer.json()["task_id"])


async def _application(town: Town) -> str:
    gateway = {"name": "Gateway", "level": "yellow", "redirect_uris": ["https://gateway.example/cb"]}
    return str((await town.call("POST", "/account/applications", f"{OWNER}:login", json=gateway)).json()["id"])


async def _made(town: Town, path: str, user: str, **form: Any) -> str:
    return str((await town.call("POST", path, user, json=form)).json()["id"])


async def _grant(town: Town, application: str) -> str:
    now = town.site.clock.now()
    grant = Grant(
        id=GrantId("grant-of-demo1"),
        application=ClientId(application),
        user=OWNER,
        scopes=frozenset({Scope.ACCOUNT_READ}),
        identity=frozenset({"openid"}),
        created_at=now,
        expires_at=now + timedelta(days=1),
        logged_in_at=now,
        methods=("pwd",),
    )
    await town.site.services.grants.known.store.allow(grant, town.site.audit())
    return grant.id


async def _callback(town: Town) -> str:
    now, place = town.site.clock.now(), "example.org"
    until = now + timedelta(hours=24)
    what = ("1", OWNER, "perlmutter", "7", Channel.WEBHOOK, f"https://{place}/hook", place, "job.ended", "{}", "msg_1")
    await town.site.services.callbacks.store.commit(Step(1, deliveries=[NewDelivery(*what, now, until)]))
    return "1"


def _reservation(town: Town) -> str:
    now = town.site.clock.now()
    start, end = now + timedelta(days=1), now + timedelta(days=2)
    found = Reservation(ReservationName("beam"), start, end, cores=1, users=(OWNER,), projects=())
    town.site.scheduler.reserved[found.name] = found
    return found.name


async def _transfer(town: Town) -> str:
    form = {"source_uuid": "dtn", "target_uuid": "dtn", "source_dir": "/home/demo1/secret.txt"}
    answer = await town.call("POST", "/storage/globus/transfer", OWNER, data=form | {"target_dir": "/home/demo1/copy"})
    return str(answer.json()["transfer_id"])
