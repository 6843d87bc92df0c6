"""`/utilities` in process: the spellings of paths, what any byte in a name does, uploads, downloads, commands."""

import asyncio
import base64
import json
import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote_from_bytes, unquote

import pytest
from fastapi import FastAPI

from superfacility.adapters.local import open_transport
from superfacility.core.clock import SystemClock
from superfacility.facility.people import User, UserName
from superfacility.facility.site import Site
from superfacility.facility.systems import Facility, Filesystem, FilesystemKind, System, SystemName
from superfacility.http import errors
from superfacility.oauth.clients import ClientId
from superfacility.oauth.principal import Principal
from superfacility.oauth.scopes import SecurityLevel, scopes_of
from superfacility.services.files import UploadRules, Uploads
from superfacility.services.files.utilities import EXECUTABLE_LIMIT, UtilityService
from superfacility.sfapi.utilities.routes import router
from superfacility.testing.contracts.transport import HOSTILE_NAMES
from superfacility.testing.hostile_paths import SECRET, beside_the_homes, lay_traps, request_tails
from superfacility.testing.stores.allowances import MemoryAllowances
from superfacility.testing.stores.memory import Memory
from superfacility.testing.stores.task_queue import MemoryLease, MemoryTaskQueue

LIMIT = 300_000
RULES = UploadRules(at_once=2, daily_bytes=1_000_000)


class Tokens:
    """The token is the level; `red-files` has the scopes of orange alone."""

    async def authenticate(self, token: str, address: str) -> Principal:
        level = SecurityLevel.from_label(token.partition("-")[0])
        scopes = scopes_of(level if token == level.label else SecurityLevel.ORANGE)
        user = User(uid=1001, name=UserName("demo1"))
        return Principal(user, ClientId("client"), level, scopes, address, datetime.max.replace(tzinfo=UTC))


@dataclass
class Answer:
    status: int
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Api:
    """Calls the application as a server would, with the request target byte for byte."""

    app: FastAPI
    home: Path
    memory: Memory

    async def call(
        self,
        method: str,
        target: bytes,
        *,
        body: Iterable[bytes] = (),
        headers: dict[str, str] | None = None,
        level: str = "red",
        disconnect: bool = False,
    ) -> Answer:
        raw_path, _, query = target.partition(b"?")
        sent = {"authorization": f"Bearer {level}", **(headers or {})}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "path": unquote(raw_path.decode("ascii")),
            "raw_path": raw_path,
            "query_string": query,
            "root_path": "",
            "headers": [(key.encode(), value.encode()) for key, value in sent.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
        }
        waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in body]
        waiting.append({"type": "http.disconnect"} if disconnect else {"type": "http.request", "body": b""})
        messages: list[Any] = []

        async def receive() -> Any:
            if waiting:
                return waiting.pop(0)
            return await asyncio.Event().wait()

        async def send(message: Any) -> None:
            messages.append(message)

        await self.app(scope, receive, send)
        start = messages[0]
        content = b"".join(message.get("body", b"") for message in messages[1:])
        return Answer(start["status"], dict(start["headers"]), content)

    async def ls(self, tail: bytes) -> Answer:
        return await self.call("GET", b"/api/v1.2/utilities/ls/here" + tail)

    async def download(self, tail: bytes, **named: Any) -> Answer:
        return await self.call("GET", b"/api/v1.2/utilities/download/here" + tail, **named)

    async def upload(self, tail: bytes, data: bytes, **named: Any) -> Answer:
        body = multipart(data)
        headers = {"content-type": "multipart/form-data; boundary=XX", "content-length": str(len(body))}
        pieces = [body[start : start + 65536] for start in range(0, len(body), 65536)]
        return await self.call("PUT", b"/api/v1.2/utilities/upload/here" + tail, body=pieces, headers=headers, **named)

    async def command(self, body: bytes, kind: str = "application/x-www-form-urlencoded", **named: Any) -> Answer:
        return await self.call(
            "POST", b"/api/v1.2/utilities/command/here", body=[body], headers={"content-type": kind}, **named
        )


def multipart(data: bytes, name: str = "file") -> bytes:
    head = f'--XX\r\nContent-Disposition: form-data; name="{name}"; filename="up/../load"\r\n'
    return head.encode() + b"Content-Type: application/octet-stream\r\n\r\n" + data + b"\r\n--XX--\r\n"


@pytest.fixture
def api(tmp_path: Path) -> Api:
    home = tmp_path / "home"
    (home / "demo1").mkdir(parents=True)
    (tmp_path / "secret").write_text(SECRET)
    site = Site("here", lambda user: str(home / user), (str(home),), tmp_path / "state", tmp_path / "bin")
    filesystem = Filesystem("home", FilesystemKind.HOME, str(home) + "/{user}")
    system = System(SystemName("here"), "Here", open_transport(site, {}), (filesystem,))
    clock, memory = SystemClock(), Memory()
    queue = MemoryTaskQueue(memory, MemoryLease(), clock)
    utilities = UtilityService(
        facility=Facility("test", {"here": system}, aliases={"dtn01": "here"}),
        queue=queue,
        uploads=Uploads(MemoryAllowances(memory), clock, RULES),
        clock=clock,
        upload_limit=LIMIT,
        command_time_limit=30,
        download_limit=LIMIT,
    )
    app = FastAPI()
    app.include_router(router, prefix="/api/v1.2")
    errors.install(app)
    app.state.services = SimpleNamespace(utilities=utilities, tokens=Tokens())
    return Api(app, home / "demo1", memory)


def names(folder: Path, pattern: str = "*") -> list[str]:
    return [path.name for path in folder.glob(pattern)]


def spelled(path: str) -> list[bytes]:
    """The ways in which programs write a path: double slash, one slash, encoded slashes."""
    raw = os.fsencode(path)
    return [
        b"/" + quote_from_bytes(raw).encode(),
        quote_from_bytes(raw).encode(),
        b"/" + quote_from_bytes(raw, safe="").encode(),
        re.sub(rb"%..", lambda found: found[0].lower(), b"/" + quote_from_bytes(raw, safe="").encode()),
    ]


async def test_all_spellings_of_a_path_mean_the_same(api: Api) -> None:
    (api.home / "a b").write_text("text")
    for tail in spelled(f"{api.home}/a b"):
        assert (await api.ls(tail)).json["entries"][0]["name"] == f"{api.home}/a b"
        assert (await api.download(tail)).json == {"status": "OK", "file": "text", "is_binary": False, "error": None}
    listing = (await api.ls(spelled(f"{api.home}/")[0])).json
    assert [entry["name"] for entry in listing["entries"]] == [".", "..", "a b"]
    assert set(listing) == {"status", "entries", "error"}
    assert set(listing["entries"][0]) == {"perms", "hardlinks", "user", "group", "size", "date", "name"}


@pytest.mark.parametrize("name", HOSTILE_NAMES)
async def test_every_name_survives_upload_listing_and_download(api: Api, name: str) -> None:
    content = b"\xff\x00" + os.fsencode(name)
    for tail in spelled(f"{api.home}/{name}"):
        assert (await api.upload(tail, content)).json["status"] == "OK"
    listed = (await api.ls(spelled(str(api.home))[0])).json["entries"]
    assert [entry["name"] for entry in listed] == [".", "..", os.fsencode(name).decode(errors="replace")]
    answer = (await api.download(spelled(f"{api.home}/{name}")[0])).json
    assert (answer["is_binary"], base64.b64decode(answer["file"])) == (True, content)
    assert names(api.home) == [name]


async def test_a_link_alone_shows_its_target_and_a_child_does_not(api: Api) -> None:
    (api.home / "link").symlink_to("/some/where")
    (entry,) = (await api.ls(spelled(f"{api.home}/link")[0])).json["entries"]
    assert (entry["name"], entry["perms"][0]) == (f"{api.home}/link -> /some/where", "l")
    assert (await api.ls(spelled(str(api.home))[0])).json["entries"][2]["name"] == "link"


async def test_what_is_missing_is_an_error_with_the_words_of_ls(api: Api) -> None:
    answer = await api.ls(spelled(f"{api.home}/new")[0])
    assert answer.status == 200
    assert answer.json == {
        "status": "ERROR",
        "entries": [],
        "error": f"ls: cannot access '{api.home}/new': No such file or directory",
    }
    answer = await api.download(spelled(f"{api.home}/new")[0])
    assert (answer.status, answer.json["status"], answer.json["file"]) == (200, "ERROR", None)


async def test_an_unknown_machine_is_404_and_an_alias_is_known(api: Api) -> None:
    for method, group in (("GET", b"ls"), ("GET", b"download"), ("PUT", b"upload")):
        answer = await api.call(method, b"/api/v1.2/utilities/" + group + b"/nowhere//home")
        assert answer.status == 404
    answer = await api.call("GET", b"/api/v1.2/utilities/ls/dtn01/" + str(api.home).encode())
    assert answer.json["status"] == "OK"


@pytest.mark.parametrize(
    "content",
    [b"", b"a", b"ab", b"abc", b'quotes " and \\ and \x01 and \x7f\n', "caf\u00e9 \U0001f600".encode(), b"\0text"],
)
async def test_text_comes_as_text_and_anything_as_base64(api: Api, content: bytes) -> None:
    (api.home / "f").write_bytes(content)
    tail = spelled(f"{api.home}/f")[0]
    assert (await api.download(tail)).json["file"] == content.decode()
    answer = await api.download(tail + b"?binary=true")
    assert (answer.json["is_binary"], base64.b64decode(answer.json["file"])) == (True, content)
    assert int(answer.headers[b"content-length"]) == len(answer.body)


async def test_bytes_come_as_they_are_to_those_who_accept_them(api: Api) -> None:
    (api.home / "f").write_bytes(b"\0<script>\xff" * 1000)
    raw = {"accept": "application/octet-stream"}
    answer = await api.download(spelled(f"{api.home}/f")[0], headers=raw)
    assert answer.body == (api.home / "f").read_bytes()
    assert answer.headers[b"content-type"] == b"application/octet-stream"
    assert answer.headers[b"content-disposition"] == b"attachment"
    assert int(answer.headers[b"content-length"]) == len(answer.body)
    missing = await api.download(spelled(f"{api.home}/missing")[0], headers=raw)
    assert missing.json["status"] == "ERROR"


@pytest.mark.parametrize(
    ("wanted", "status", "first", "end"),
    [
        ("bytes=4-", 206, 4, 10),
        ("bytes=9-", 206, 9, 10),
        ("bytes=2-5", 206, 2, 6),
        ("bytes=2-99", 206, 2, 10),
        ("bytes=0-", 200, 0, 10),
        ("bytes=-3", 200, 0, 10),
        ("bytes=0-1,4-5", 200, 0, 10),
        ("bytes=5-2", 200, 0, 10),
        ("lines=1-", 200, 0, 10),
    ],
)
async def test_the_rest_of_a_file_comes_to_those_who_have_its_beginning(
    api: Api, wanted: str, status: int, first: int, end: int
) -> None:
    (api.home / "f").write_bytes(b"0123456789")
    raw, path = {"accept": "application/octet-stream"}, spelled(f"{api.home}/f")[0]
    tag = (await api.download(path, headers=raw)).headers[b"etag"].decode()
    for more in ({}, {"if-range": tag}):
        answer = await api.download(path, headers={**raw, "range": wanted, **more})
        assert (answer.status, answer.body) == (status, b"0123456789"[first:end])
        assert int(answer.headers[b"content-length"]) == end - first
        ranged = answer.headers.get(b"content-range", b"bytes 0-9/10")
        assert ranged == b"bytes %d-%d/10" % (first, end - 1)


async def test_a_file_that_has_changed_comes_whole_and_one_that_ended_before_says_so(api: Api) -> None:
    (api.home / "f").write_bytes(b"0123456789")
    raw, path = {"accept": "application/octet-stream"}, spelled(f"{api.home}/f")[0]
    tag = (await api.download(path, headers=raw)).headers[b"etag"].decode()
    (api.home / "f").write_bytes(b"another text")
    answer = await api.download(path, headers={**raw, "range": "bytes=4-", "if-range": tag})
    assert (answer.status, answer.body) == (200, b"another text")
    beyond = await api.download(path, headers={**raw, "range": "bytes=12-"})
    assert (beyond.status, beyond.headers[b"content-range"]) == (416, b"bytes */12")
    assert "12 bytes" in beyond.json["detail"]


async def test_a_character_across_two_pieces_stays_text(api: Api) -> None:
    content = b"x" * (LIMIT - 3) + "\u20ac".encode()
    (api.home / "f").write_bytes(content)
    answer = (await api.download(spelled(f"{api.home}/f")[0])).json
    assert (answer["is_binary"], answer["file"].encode()) == (False, content)


async def test_a_file_that_is_replaced_while_we_look_is_never_garbled(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    (api.home / "f").write_text("text")
    (api.home / "other").write_bytes(b"\xff\xfe")

    async def look(opened: Any) -> bool:
        (api.home / "other").replace(api.home / "f")
        return True

    monkeypatch.setattr("superfacility.sfapi.utilities.routes.is_text", look)
    answer = (await api.download(spelled(f"{api.home}/f")[0])).json
    assert (answer["is_binary"], base64.b64decode(answer["file"])) == (True, b"\xff\xfe")


async def test_downloads_above_the_limit_are_refused_clearly(api: Api) -> None:
    (api.home / "f").write_bytes(b"x" * (LIMIT + 1))
    answer = await api.download(spelled(f"{api.home}/f")[0])
    assert (answer.status, answer.json["status"]) == (200, "ERROR")
    assert str(LIMIT) in answer.json["error"]


async def test_uploads_above_the_limit_are_refused_before_and_while_they_stream(api: Api) -> None:
    tail = spelled(f"{api.home}/f")[0]
    assert (await api.upload(tail, b"x" * LIMIT)).json["status"] == "OK"
    for size in (LIMIT + 1, LIMIT * 2):
        answer = await api.upload(tail, b"y" * size)
        assert (answer.status, answer.json["status"]) == (200, "ERROR")
        assert "too large" in answer.json["error"]
    assert (api.home / "f").read_bytes() == b"x" * LIMIT
    assert names(api.home) == ["f"]


async def test_a_user_uploads_no_more_in_a_day_than_one_may(api: Api) -> None:
    tail = spelled(f"{api.home}/f")[0]
    for _ in range(RULES.daily_bytes // LIMIT):
        assert (await api.upload(tail, b"x" * LIMIT)).json["status"] == "OK"
    refused = await api.upload(tail, b"y" * LIMIT)
    assert refused.status == 429
    assert 0 < int(refused.headers[b"retry-after"]) <= 24 * 3600 + 1
    assert "1,000,000 bytes a day" in refused.json["detail"]
    assert (api.home / "f").read_bytes() == b"x" * LIMIT
    assert names(api.home) == ["f"]
    assert len(api.memory.audit) == 2 * (RULES.daily_bytes // LIMIT)
    assert (await api.upload(tail, b"y" * 1000)).json["status"] == "OK"


async def test_what_was_received_counts_also_if_its_size_was_not_told_and_it_failed(api: Api) -> None:
    target = b"/api/v1.2/utilities/upload/here" + spelled(f"{api.home}/f")[0]
    pieces, headers = [multipart(b"x" * LIMIT)[:-8]], {"content-type": "multipart/form-data; boundary=XX"}
    for _ in range(4):
        assert (await api.call("PUT", target, body=pieces, headers=headers)).status == 422
    assert (await api.call("PUT", target, body=pieces, headers=headers)).status == 429
    assert names(api.home) == []


async def test_a_user_has_few_uploads_at_a_time(api: Api) -> None:
    uploads, tail = api.app.state.services.utilities.uploads, spelled(f"{api.home}/g")[0]
    with uploads._places.taken("demo1"):
        assert (await api.upload(tail, b"x")).json["status"] == "OK"
        with uploads._places.taken("demo1"):
            refused = await api.upload(tail, b"x")
    assert (refused.status, refused.headers[b"retry-after"]) == (429, b"15")
    assert "You have 2 uploads under way" in refused.json["detail"]
    assert (await api.upload(tail, b"x")).json["status"] == "OK"


async def test_an_upload_is_told_in_the_audit_log_before_its_file_moves_and_after(api: Api) -> None:
    """Also if it fails: whose process dies between the two leaves the first."""
    path = f"{api.home}/f"
    target = b"/api/v1.2/utilities/upload/here" + spelled(path)[0]
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    principal = await Tokens().authenticate("red", "127.0.0.1")

    async def content() -> Any:
        assert [row.action for row in api.memory.audit] == ["utilities.begin_upload"]
        yield b"0123456789"

    await api.app.state.services.utilities.upload(principal, "here", path, content())
    await api.call("PUT", target, body=[multipart(b"data")[:-8]], headers=headers)
    assert [(row.action, row.target, row.detail[:30]) for row in api.memory.audit] == [
        ("utilities.begin_upload", f"here:{path}", ""),
        ("utilities.upload", f"here:{path}", "10 bytes"),
        ("utilities.begin_upload", f"here:{path}", ""),
        ("utilities.upload", f"here:{path}", "failed: The multipart body end"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (multipart(b"data", name="other"), "multipart/form-data; boundary=XX"),
        (multipart(b"data"), "multipart/form-data"),
        (multipart(b"data"), "multipart/form-data; boundary=YY"),
        (multipart(b"data")[:-20], "multipart/form-data; boundary=XX"),
        (multipart(b"data")[:-8], "multipart/form-data; boundary=XX"),
        (multipart(b"data")[:-8] + b"\r\n" + multipart(b"more"), "multipart/form-data; boundary=XX"),
        (b"", "multipart/form-data; boundary=XX"),
        (b"file=data", "application/x-www-form-urlencoded"),
        (b"garbage", "multipart/form-data; boundary=XX"),
        (b"--XX\r\n" + b"a" * 100_000, "multipart/form-data; boundary=XX"),
        (multipart(b"data"), "multipart/form-data; boundary=" + "X" * 500),
    ],
)
async def test_a_body_without_one_whole_file_is_422_and_leaves_nothing(api: Api, body: bytes, kind: str) -> None:
    target = b"/api/v1.2/utilities/upload/here" + spelled(f"{api.home}/f")[0]
    answer = await api.call("PUT", target, body=[body], headers={"content-type": kind})
    assert answer.status == 422
    assert names(api.home) == []


async def test_a_caller_who_goes_away_leaves_nothing(api: Api) -> None:
    target = b"/api/v1.2/utilities/upload/here" + spelled(f"{api.home}/f")[0]
    headers = {"content-type": "multipart/form-data; boundary=XX"}
    answer = await api.call("PUT", target, body=[multipart(b"x" * 1000)[:500]], headers=headers, disconnect=True)
    assert answer.status == 400
    assert names(api.home) == []


@pytest.mark.parametrize("name", [".bashrc", ".ssh/authorized_keys", "a/.config/x", "program"])
async def test_below_red_nothing_is_written_that_would_run(api: Api, name: str) -> None:
    path = api.home / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (api.home / "program").write_text("old")
    (api.home / "program").chmod(0o755)
    (api.home / "link").symlink_to(path)
    tails = (spelled(str(path))[0], spelled(f"{api.home}/link")[0])
    for tail, level in product(tails, ("orange", "red-files")):
        answer = await api.upload(tail, b"new", level=level)
        assert (answer.status, answer.json["status"]) == (200, "ERROR")
        assert "level red" in answer.json["error"]
        assert "orange" in answer.json["error"]
        assert not path.exists() or path.read_text() == "old"
    assert api.memory.audit == []
    assert (await api.upload(spelled(f"{api.home}/link")[0], b"new", level="red")).json["status"] == "OK"
    assert path.read_text() == "new"
    target = f"here:{api.home}/link"
    assert [(row.action, row.target, row.detail) for row in api.memory.audit] == [
        ("utilities.begin_upload", target, ""),
        ("utilities.upload", target, "3 bytes"),
    ]


@pytest.mark.parametrize(
    ("body", "kind", "expected"),
    [
        (b"executable=echo+a%3Bb", "application/x-www-form-urlencoded", "echo a;b"),
        (b'{"executable": "echo a"}', "application/json", "echo a"),
        (b"executable=cat << EOF | wc -l && echo 1\na=b\nEOF", "application/x-www-form-urlencoded", None),
        (b"executable=ls%20-l", "", "ls -l"),
    ],
)
async def test_commands_are_read_leniently_and_accepted_as_tasks(
    api: Api, body: bytes, kind: str, expected: str | None
) -> None:
    answer = await api.command(body, kind)
    assert (answer.status, answer.json["status"], answer.json["error"]) == (200, "OK", None)
    kept = next(each.task for task_id, each in api.memory.tasks.items() if task_id == answer.json["task_id"])
    assert kept.intent["executable"] == (expected or body.partition(b"=")[2].decode())
    assert (kept.handler, kept.owner, kept.level) == ("utilities.command", "demo1", "red")
    assert api.memory.audit[-1].action == "utilities.command"


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "x" * (EXECUTABLE_LIMIT + 1)])
async def test_commands_that_cannot_run_are_422(api: Api, text: str) -> None:
    assert (await api.command(json.dumps({"executable": text}).encode(), "application/json")).status == 422
    assert not api.memory.tasks


@pytest.mark.parametrize(
    ("level", "refused"),
    [("green", {"ls", "download", "upload", "command"}), ("yellow", {"download", "upload", "command"}), ("red", set())],
)
async def test_levels_open_one_route_after_the_other(api: Api, level: str, refused: set[str]) -> None:
    tail = spelled(str(api.home / "f"))[0]
    answers = {
        "ls": await api.call("GET", b"/api/v1.2/utilities/ls/here" + tail, level=level),
        "download": await api.download(tail, level=level),
        "upload": await api.upload(tail, b"x", level=level),
        "command": await api.command(b"executable=true", level=level),
    }
    assert {name for name, answer in answers.items() if answer.status == 403} == refused


Act = Callable[[Api, bytes], Any]


@pytest.mark.parametrize(
    "act",
    [lambda api, tail: api.ls(tail), lambda api, tail: api.download(tail), lambda api, tail: api.upload(tail, b"x")],
    ids=["ls", "download", "upload"],
)
async def test_no_path_of_the_corpus_leaves_the_homes(api: Api, act: Act) -> None:
    base = api.home.parent.parent
    lay_traps(base)
    corpus, before = request_tails(base), beside_the_homes(base)
    assert len(corpus) >= 200
    for tail in corpus:
        async with asyncio.timeout(10):
            answer = await act(api, tail)
        assert answer.status in (200, 404, 422), (tail, answer)
        assert SECRET.encode() not in answer.body, tail
        assert b"root:" not in answer.body, tail
        if answer.status == 200 and answer.json["status"] == "ERROR":
            assert answer.json["error"], tail
    assert beside_the_homes(base) == before


@pytest.mark.parametrize(
    "text",
    ["$(touch CANARY)", "`touch CANARY`", "; touch CANARY", "| touch CANARY", "\ntouch CANARY\n", "&touch CANARY&"],
)
async def test_metacharacters_in_paths_run_nothing(api: Api, text: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    hostile = text.replace("CANARY", str(tmp_path / "canary").replace("/", "\u2215"))
    for name in (hostile, text.replace("CANARY", "canary"), f"--checkpoint-action=exec={text}"):
        tail = spelled(f"{api.home}/{name}".replace("CANARY", "canary"))[0]
        await api.upload(tail, b"x")
        assert (await api.download(tail)).json["file"] == "x"
        await api.ls(tail)
    assert "canary" not in names(tmp_path, "**/canary")
