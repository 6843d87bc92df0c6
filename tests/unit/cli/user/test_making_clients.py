"""`sfapi clients create`, `request` and `rotate`: how a client is to prove itself, and what its key file is for."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from superfacility.client.records.clients import RegisteredClient

CLIENT = RegisteredClient("c1", "camera", "red", None, "demo1", ("192.0.2.0/24",), "active", "")


@pytest.fixture(autouse=True)
def made(connection: Any) -> None:
    def create(*_: Any, strict: bool | None = None, dpop: bool | None = None, **__: Any) -> RegisteredClient:
        return replace(CLIENT, strict=bool(strict), dpop=bool(dpop))

    connection.answers |= {"create_client": create, "client": CLIENT, "rotate_client_key": CLIENT}


def key_type(connection: Any, call: str) -> str:
    (*_, public), _ = connection.of(call)[-1]
    return str(public["kty"])


@pytest.mark.parametrize(
    ("words", "sent", "kind"),
    [
        ((), (None, None), "RSA"),
        (("--dpop",), (None, True), "RSA"),
        (("--strict",), (True, None), "EC"),
        (("--strict", "--dpop", "--algorithm", "Ed25519"), (True, True), "OKP"),
    ],
)
def test_a_client_is_made_as_strict_as_the_words_say(
    words: tuple[str, ...], sent: tuple[bool | None, ...], kind: str, run: Any, connection: Any, home: Path
) -> None:
    done = run("clients", "create", "--name", "camera", "--level", "red", *words)
    assert done.code == 0, done.err
    _, named = connection.of("create_client")[-1]
    assert (named["strict"], named["dpop"]) == sent
    assert key_type(connection, "create_client") == kind
    assert ("sfapi login --key" in done.err) is (words == ()), "sfapi cannot use the others itself, and says so"
    assert (home / "camera.pem").exists()


def test_a_strict_client_gets_no_key_that_it_may_not_sign_with(run: Any, connection: Any, home: Path) -> None:
    wrong = ("--strict", "--algorithm", "RS256")
    done = run("clients", "create", "--name", "camera", "--level", "red", *wrong)
    assert (done.code, "--algorithm ES256" in done.err) == (2, True)
    assert not (home / "camera.pem").exists()
    connection.answers["client"] = replace(CLIENT, strict=True)
    assert run("clients", "rotate", "c1", "--out", str(home / "a.pem"), "--algorithm", "RS256").code == 2
    assert connection.of("rotate_client_key") == []
    assert run("clients", "rotate", "c1", "--out", str(home / "a.pem")).code == 0
    assert key_type(connection, "rotate_client_key") == "EC"


def test_how_a_client_proves_itself_is_shown(run: Any, connection: Any) -> None:
    assert "dpop" not in run("clients", "show", "c1").out
    connection.answers["client"] = replace(CLIENT, dpop=True)
    assert "dpop\tyes" in run("clients", "show", "c1").out
    assert run("clients", "show", "c1", "--json").document("clients show")["client"]["dpop"] is True
