"""Whom we speak to, as whom, and what an answer means."""

from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from superfacility.adapters.slurm import open_rest_scheduler
from superfacility.adapters.slurm.rest.access import RestAccess, RestAnswer, open_access
from superfacility.adapters.slurm.rest.tokens import UserTokens, load_tokens
from superfacility.facility.errors import Doubtful, InvalidInput, NotPermitted, Unavailable
from superfacility.facility.people import UserName
from superfacility.facility.site import Site
from superfacility.testing.clocks import FakeClock
from superfacility.testing.transports import MemoryTransport

KEY = OctKey.generate_key(256)
ALICE = UserName("alice")


@pytest.fixture
def tokens() -> UserTokens:
    return UserTokens(KEY, FakeClock())


def test_a_token_is_for_one_user_and_lives_for_minutes(tokens: UserTokens) -> None:
    claims = jwt.decode(tokens.token(ALICE), KEY).claims
    assert claims["sun"] == "alice"
    assert claims["exp"] - claims["iat"] == 300
    assert tokens.token(ALICE) == tokens.token(ALICE)
    tokens.clock.advance(timedelta(seconds=241))  # type: ignore[attr-defined]
    assert jwt.decode(tokens.token(ALICE), KEY).claims["exp"] == claims["exp"] + 241


@pytest.mark.parametrize("name", ["root", "slurm"])
def test_no_token_is_for_who_may_act_as_anybody(tokens: UserTokens, name: str) -> None:
    with pytest.raises(NotPermitted):
        tokens.token(UserName(name))


@pytest.mark.parametrize(
    "url",
    ["http://10.0.0.1:6820", "https://127.0.0.1:6820", "http://slurm.example.org", "http://u@127.0.0.1", "nonsense",
     "http://127.0.0.1.example.org:6820", "http://0x7f000001:1"],
)  # fmt: skip
def test_only_this_machine_is_spoken_to(tokens: UserTokens, url: str) -> None:
    with pytest.raises(InvalidInput, match="loopback"):
        open_access(None, url, tokens, 5.0)


def test_one_way_to_it(tokens: UserTokens) -> None:
    for socket, url in ((None, None), ("/run/slurmrestd.sock", "http://127.0.0.1:6820")):
        with pytest.raises(InvalidInput, match="either"):
            open_access(socket, url, tokens, 5.0)


def test_a_key_that_others_can_read_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "jwt.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o640)
    with pytest.raises(InvalidInput, match="chmod 600"):
        load_tokens(key, FakeClock())
    key.chmod(0o600)
    assert load_tokens(key, FakeClock()).token(ALICE)


@pytest.mark.parametrize("wrong", ["soon", True, 0, -1])
def test_a_time_limit_is_a_number_of_seconds(tmp_path: Path, wrong: object) -> None:
    key = tmp_path / "jwt.key"
    key.write_bytes(b"k" * 32)
    key.chmod(0o600)
    site = Site("perlmutter", lambda user: "/home", (), tmp_path, tmp_path)
    options = {"account": "sfgate", "jwt_key": str(key), "socket": "/run/s", "timeout_seconds": wrong}
    with pytest.raises(InvalidInput, match="timeout_seconds"):
        open_rest_scheduler(site, options, MemoryTransport())


@pytest.mark.parametrize("setting", [{"clusters": "perlmutter"}, {"environment": {"SLURM_CLUSTERS": "perlmutter"}}])
def test_another_cluster_than_its_own_is_refused(tmp_path: Path, setting: dict[str, object]) -> None:
    site = Site("perlmutter", lambda user: "/home", (), tmp_path, tmp_path)
    options = {"account": "sfgate", "jwt_key": str(tmp_path / "jwt.key"), "socket": "/run/s", **setting}
    with pytest.raises(InvalidInput, match=r'`clusters`.*use adapter "slurm" for several clusters'):
        open_rest_scheduler(site, options, MemoryTransport())


def answering(reply: httpx2.Response | Exception, seen: list[httpx2.Request]) -> httpx2.AsyncClient:
    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        if isinstance(reply, Exception):
            raise reply
        return reply

    return httpx2.AsyncClient(transport=httpx2.MockTransport(handle), base_url="http://localhost")


async def test_requests_carry_name_and_token_of_the_user(tokens: UserTokens) -> None:
    seen: list[httpx2.Request] = []
    access = RestAccess(answering(httpx2.Response(200, json={"errors": []}), seen), tokens)
    assert (await access.ask(ALICE, "GET", "/x")).error_number is None
    assert seen[0].headers["x-slurm-user-name"] == "alice"
    assert jwt.decode(seen[0].headers["x-slurm-user-token"], KEY).claims["sun"] == "alice"
    await access.aclose()


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (httpx2.ConnectError("refused"), Unavailable),
        (httpx2.ConnectTimeout("slow"), Unavailable),
        (httpx2.Response(401, json={}), Unavailable),
        (httpx2.ReadTimeout("slow"), Doubtful),
        (httpx2.RemoteProtocolError("gone"), Doubtful),
        (httpx2.Response(200, content=b'{"job_id": 1'), Doubtful),
        (httpx2.Response(200, content=b"[]"), Doubtful),
    ],
)
async def test_a_lost_answer_is_no_answer(tokens: UserTokens, reply: object, error: type[Exception]) -> None:
    access = RestAccess(answering(reply, []), tokens)  # type: ignore[arg-type]
    with pytest.raises(error):
        await access.ask(ALICE, "POST", "/x", {})
    await access.aclose()


def test_errors_are_read_from_the_content() -> None:
    refused = RestAnswer(500, {"errors": [{"error_number": 2066, "error": "Invalid qos specification"}]})
    assert (refused.error_number, refused.words) == (2066, "Invalid qos specification")
    assert RestAnswer(503, {}).error_number == 0
    assert RestAnswer(200, {"errors": []}).error_number is None
