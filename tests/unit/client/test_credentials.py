"""Keys, logins and tokens: where they are read from, when they are renewed, and who may read them."""

import json
import os
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwk, jwt

from superfacility.client.credentials.assertions import KeyCredentials, new_key_pair, sign
from superfacility.client.credentials.choice import choose_credentials, login_file
from superfacility.client.credentials.key_files import (
    ClientKey,
    check_private,
    find_key_file,
    new_private_file,
    read_key_file,
)
from superfacility.client.credentials.saved import LoginCredentials, Saved, SavedKeyCredentials, TokenFile
from superfacility.client.credentials.tokens import AccessToken, PlainToken, claims
from superfacility.client.environment import Environment, read_environment
from superfacility.client.errors import ConfigurationError, NotAuthenticated
from superfacility.client.facilities import Facility
from superfacility.client.opening import Proof

ID = "abcdefghijklm"
PRIVATE, PUBLIC, PEM = new_key_pair("RS256")


class Service:
    """A token service that counts."""

    def __init__(self, clock: Any, *, expires_in: float | None = 600, slow: float = 0) -> None:
        self.forms: list[dict[str, str]] = []
        self.refused = ""
        self._expires_in = expires_in
        self._slow = slow

    async def url(self) -> str:
        return "https://id.example/token"

    async def ask(self, form: Any) -> Any:
        time.sleep(self._slow)  # noqa: ASYNC251 - so that others come meanwhile
        self.forms.append(dict(form))
        if self.refused:
            raise NotAuthenticated(self.refused)
        number = len(self.forms)
        return {
            "access_token": f"a{number}",
            "refresh_token": f"r{number}",
            "expires_in": self._expires_in,
            "scope": "x",
        }


def key_file(folder: Path, name: str, text: str, mode: int = 0o600) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("key.pem", f"{ID}\n{PEM}"),
        ("key.pem", f"{ID} \r\n" + PEM.replace("\n", "\r\n")),
        ("key.json", json.dumps({"client_id": ID, "secret": PRIVATE})),
    ],
)
def test_key_files_of_sfapi_client_are_read(tmp_path: Path, transport: Any, name: str, text: str) -> None:
    key = read_key_file(key_file(tmp_path, name, text))
    assert key.client_id == ID
    proof = jwt.decode(
        sign(key, "https://id.example/token", transport.clock), jwk.import_key(PUBLIC), algorithms=["RS256"]
    )
    assert (proof.claims["iss"], proof.claims["sub"], proof.claims["aud"]) == (ID, ID, "https://id.example/token")
    assert proof.claims["exp"] - proof.claims["iat"] == 120


def test_our_key_files_are_read_by_sfapi_client(tmp_path: Path) -> None:
    sfapi_client = pytest.importorskip("sfapi_client")
    with new_private_file(tmp_path / "key.pem") as file:
        file.write(f"{ID}\n{PEM}")
    made = sfapi_client.Client(key=tmp_path / "key.pem")
    assert made._client_id == ID


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "Ed25519"])
@pytest.mark.parametrize("form", ["jwk", "pem"])
def test_every_kind_of_key_signs(transport: Any, algorithm: str, form: str) -> None:
    private, public, pem = new_key_pair(algorithm)
    proof = sign(ClientKey(ID, private if form == "jwk" else pem), "x", transport.clock)
    found = jwt.decode(proof, jwk.import_key(public), algorithms=[algorithm])
    assert found.header["alg"] == algorithm


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o777])
def test_a_key_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_key_file(key_file(tmp_path, "key.pem", f"{ID}\n{PEM}", mode))


def test_a_key_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = key_file(tmp_path, "key.pem", "x")
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(ConfigurationError, match="somebody else"):
        check_private(path)


@pytest.mark.parametrize("text", ["", "short\nkey", f"{ID}\n", '{"client_id": 1}', PEM])
def test_what_is_no_key_file_is_refused_without_its_text(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationError, match="first line") as found:
        read_key_file(key_file(tmp_path, "key.pem", text))
    assert "PRIVATE" not in str(found.value)


def test_a_broken_key_is_refused_without_its_text(transport: Any) -> None:
    with pytest.raises(ConfigurationError, match="cannot sign") as found:
        sign(ClientKey(ID, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----"), "x", transport.clock)
    assert "c2VjcmV0" not in str(found.value)


def test_keys_are_found_by_the_beginning_of_their_name(tmp_path: Path) -> None:
    one = key_file(tmp_path, "laptop.pem", "x")
    assert find_key_file("lap", tmp_path) == one == find_key_file(str(one), tmp_path)
    key_file(tmp_path, "laptop.json", "x")
    with pytest.raises(ConfigurationError, match=r"several.*laptop\.json, laptop\.pem"):
        find_key_file("lap", tmp_path)
    for wrong in ("", "nosuch", "*", "../x"):
        with pytest.raises(ConfigurationError):
            find_key_file(wrong, tmp_path)


def test_a_new_key_file_never_replaces_one_and_goes_when_making_it_fails(tmp_path: Path) -> None:
    path = key_file(tmp_path, "key.pem", "old")
    with pytest.raises(ConfigurationError, match="File exists"), new_private_file(path):
        pass
    assert path.read_text() == "old"
    with pytest.raises(ValueError), new_private_file(tmp_path / "new.pem"):
        raise ValueError
    assert not (tmp_path / "new.pem").exists()


async def test_a_token_is_replaced_early(transport: Any) -> None:
    service, credentials = Service(transport.clock), KeyCredentials(ClientKey(ID, PEM), transport.clock)
    assert await credentials.token(service) == "a1"
    transport.clock.passed = 539
    assert await credentials.token(service) == "a1"
    transport.clock.passed = 541
    assert await credentials.token(service) == "a2"
    assert await credentials.token(service, refused="a2") == "a3"
    assert await credentials.token(service, refused="a2") == "a3"


@pytest.mark.parametrize(("lasts", "until"), [(600, 540), (60, 54), (1, 0.9)])
def test_short_tokens_are_replaced_a_tenth_before_their_end(transport: Any, lasts: float, until: float) -> None:
    clock = transport.clock
    token = AccessToken.received({"access_token": "secret", "expires_in": lasts}, clock)
    assert token.lasts(clock.now() + timedelta(seconds=until - 0.01))
    assert not token.lasts(clock.now() + timedelta(seconds=until))
    assert not token.lasts(clock.now() - timedelta(seconds=1)), "a clock that was set back proves nothing"
    assert "secret" not in repr(token)


async def test_the_next_program_uses_the_token_of_the_last(tmp_path: Path, transport: Any) -> None:
    service = Service(transport.clock)

    def program(client_id: str = ID) -> SavedKeyCredentials:
        key = KeyCredentials(ClientKey(client_id, PEM), transport.clock)
        return SavedKeyCredentials(key, TokenFile(tmp_path, "x"), transport.clock)

    assert [await program().token(service) for _ in range(3)] == ["a1"] * 3
    assert await program("nopqrstuvwxyz").token(service) == "a2"
    assert TokenFile(tmp_path, "x").path.stat().st_mode & 0o777 == 0o600


def login(folder: Path, transport: Any) -> LoginCredentials:
    return LoginCredentials(TokenFile(folder, "home"), transport, "home", transport.clock)


async def test_a_login_is_refreshed_and_its_new_refresh_token_kept(tmp_path: Path, transport: Any) -> None:
    service = Service(transport.clock)
    file = TokenFile(tmp_path, "home")
    file.write(Saved("sfapi-cli", None, "r0"))
    assert await login(tmp_path, transport).token(service) == "a1"
    assert service.forms == [{"grant_type": "refresh_token", "refresh_token": "r0", "client_id": "sfapi-cli"}]
    transport.clock.passed = 600
    assert await login(tmp_path, transport).token(service) == "a2"
    assert service.forms[1]["refresh_token"] == "r1"
    saved = file.read()
    assert saved is not None
    assert saved.refresh_token == "r2"


def test_many_processes_refresh_once(tmp_path: Path, transport: Any) -> None:
    """Each has its own lock file open, as processes have."""
    from superfacility.client.blocking import completed

    TokenFile(tmp_path, "home").write(Saved("sfapi-cli", None, "r0"))
    service, found = Service(transport.clock, slow=0.05), []
    threads = [
        threading.Thread(target=lambda: found.append(completed(login(tmp_path, transport).token(service))))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert found == ["a1"] * 8
    assert len(service.forms) == 1


async def test_a_login_that_has_ended_says_what_to_do(tmp_path: Path, transport: Any) -> None:
    service = Service(transport.clock)
    service.refused = "The refresh token was used twice."
    TokenFile(tmp_path, "home").write(Saved("sfapi-cli", None, "r0"))
    with pytest.raises(NotAuthenticated, match=r"used twice.*sfapi login --facility home"):
        await login(tmp_path, transport).token(service)
    TokenFile(tmp_path, "home").remove()
    with pytest.raises(NotAuthenticated, match="not logged in"):
        await login(tmp_path, transport).token(service)


def test_a_token_file_that_others_may_read_or_that_is_damaged_is_refused(tmp_path: Path) -> None:
    file = TokenFile(tmp_path, "home")
    file.write(Saved("sfapi-cli", None, "r0"))
    file.path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod"):
        file.read()
    file.path.chmod(0o600)
    file.path.write_text("{")
    with pytest.raises(ConfigurationError, match="damaged"):
        file.read()


def test_the_order_of_proofs(tmp_path: Path, transport: Any) -> None:
    key_file(tmp_path, "one.pem", f"{ID}\n{PEM}")
    plain, keyed = Facility("home", "https://x"), Facility("home", "https://x", key="one")
    nothing, token = Environment(home=tmp_path), Environment(home=tmp_path, token="env")

    def chosen(proof: Proof, facility: Facility, environment: Environment) -> Any:
        return choose_credentials(proof, facility, environment, transport)

    assert type(chosen(Proof(), plain, nothing)).__name__ == "Anonymous"
    assert chosen(Proof(), keyed, nothing).key.client_id == ID
    assert chosen(Proof(), keyed, token) == PlainToken("env")
    assert chosen(Proof(token="own"), keyed, token) == PlainToken("own")
    assert chosen(Proof(key="one"), plain, token).key.client_id == ID
    environment = Environment(home=tmp_path, client_id="nopqrstuvwxyz", secret=PEM)
    assert chosen(Proof(), keyed, environment).key.client_id == "nopqrstuvwxyz"
    assert chosen(Proof(client_id="2" * 13, secret=PRIVATE), keyed, environment).key.client_id == "2" * 13
    assert isinstance(chosen(Proof(key="one", share=True), plain, nothing), SavedKeyCredentials)
    login_file(plain, tmp_path).write(Saved("sfapi-cli", None, "r"))
    assert isinstance(chosen(Proof(), plain, nothing), LoginCredentials)
    with pytest.raises(ConfigurationError, match="SFAPI_CLIENT_ID"):
        chosen(Proof(), plain, Environment(home=tmp_path, secret=PEM))


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SFAPI_HOME", str(tmp_path))
    monkeypatch.setenv("SFAPI_SYSTEM", " cori ")
    monkeypatch.setenv("SFAPI_TOKEN", "")
    found = read_environment()
    assert (found.home, found.system, found.token) == (tmp_path, "cori", None)


def test_claims_are_for_showing_alone() -> None:
    token = jwt.encode({"alg": "RS256"}, {"sub": "demo1", "level": "red"}, jwk.import_key(PRIVATE))
    assert claims(token)["level"] == "red"
    assert [claims(each) for each in ("", "opaque", "a.b.c", "a.!.c", "a.WzFd.c")] == [{}] * 5
