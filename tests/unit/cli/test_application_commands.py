"""`sfapi admin application` on a real installation: what it registers, refuses, prints and returns."""

import json
from pathlib import Path
from typing import Any

import pytest

from superfacility.cli.main import main
from superfacility.oauth.keys import generate_key_pair


class Desk:
    """A facility with the command at hand."""

    def __init__(self, directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.config = str(directory / "superfacility.toml")
        self._capsys = capsys

    def run(self, *arguments: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        code = 0
        try:
            main(["admin", "application", *arguments, "--config", self.config])
        except SystemExit as end:
            code = int(end.code or 0)
        return code, *self._capsys.readouterr()

    def done(self, *arguments: str) -> Any:
        code, out, error = self.run(*arguments, "--json")
        assert code == 0, error
        return json.loads(out)

    def add(self, name: str, *more: str) -> Any:
        usual = ("--owner", "demo1", "--name", name, "--level", "red", "--redirect", "https://gateway.example/cb")
        return self.done("add", *usual, *more)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("applications") / "demo"
    with pytest.raises(SystemExit) as end:
        main(["init", str(folder), "--demo"])
    assert end.value.code == 0
    return folder


@pytest.fixture
def desk(directory: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(directory, capsys)


def test_what_an_operator_registers_is_approved(desk: Desk) -> None:
    made = desk.add("First", "--scope", "compute.jobs:write", "--project", "m0001", "--device")
    assert (made["approval"], made["public"], made["device"]) == ("approved", True, True)
    assert made["scopes"] == ["compute.jobs:write"]
    assert desk.done("show", made["id"]) == made
    assert made["id"] in {each["id"] for each in desk.done("list")}
    assert desk.done("list", "--pending") == []


def test_staff_say_yes_and_no_and_end_it(desk: Desk) -> None:
    made = desk.add("Second")
    assert desk.done("refuse", made["id"])["approval"] == "refused"
    assert desk.done("approve", made["id"], "--seen", made["fingerprint"])["approval"] == "approved"
    changed = desk.done("change", made["id"], "--redirect", "https://gateway.example/new", "--dpop")
    assert (changed["redirect_uris"], changed["dpop"]) == (["https://gateway.example/new"], True)
    assert changed["approval"] == "approved", "an operator's change needs nobody's second look"
    assert desk.done("revoke", made["id"])["revoked_at"] is not None
    code, _, error = desk.run("approve", made["id"], "--seen", changed["fingerprint"])
    assert code == 1
    assert "revoked" in error


def test_a_confidential_application_is_registered_by_its_public_key(desk: Desk, tmp_path: Path) -> None:
    private, public = generate_key_pair("ES256")
    (tmp_path / "public.json").write_text(json.dumps(public))
    (tmp_path / "private.json").write_text(json.dumps(private))
    (tmp_path / "other").write_text("no JWK")
    made = desk.add("Third", "--key", str(tmp_path / "public.json"), "--strict", "--resource-server")
    assert (made["public"], made["profile"], made["resource_server"]) == (False, "strict", True)
    for wrong in ("private.json", "other", "missing"):
        code, _, error = desk.run(
            *("add", "--owner", "demo1", "--name", wrong, "--level", "green"),
            *("--redirect", "https://gateway.example/cb", "--key", str(tmp_path / wrong)),
        )
        assert code == 1
        assert private["d"] not in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--owner", "nobody", "--redirect", "https://a.example/cb"), "no user nobody"),
        (("--owner", "demo1", "--redirect", "http://a.example/cb"), "redirect URI"),
        (("--owner", "demo1"), "redirect URI"),
        (("--owner", "demo1", "--redirect", "https://a.example/cb", "--project", "m9"), "no project m9"),
        (
            ("--owner", "demo1", "--redirect", "https://a.example/cb", "--scope", "compute.jobs:write"),
            "needs the level",
        ),
    ],
)
def test_what_is_wrong_is_said(desk: Desk, arguments: tuple[str, ...], words: str) -> None:
    code, _, error = desk.run("add", "--name", "Wrong", "--level", "green", *arguments)
    assert code == 1
    assert words in error
