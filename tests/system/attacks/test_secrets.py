"""Goal S14: secrets are in nobody's log, database, trace or address, whatever is done with them and whatever breaks.

A served facility, logging all that it can, lives through every kind of login and request, rightly and wrongly done and
while its database is broken. Afterwards each secret is looked for in everything that it left and said.
"""

import html
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pyotp
import pytest

from superfacility.cli.examination import dangers
from superfacility.facility.errors import InvalidInput
from superfacility.facility.secret_files import own_key
from superfacility.settings import load_settings
from superfacility.testing.tokens import sign_assertion, token_form

DEADLINE = 60.0
WRONG = "canary-that-somebody-mistyped-7f3a"
"""Where a secret belongs, and never the right one: the next thing to it may be."""
MAIL_PASSWORD = "canary-of-the-mail-server-91be"
PROVIDER_SECRET = "canary-of-the-provider-44c0"
PROVIDER = """
[login.providers.away]
title = "Example Lab"
issuer = "https://127.0.0.1:1"
client_id = "superfacility"
client_secret_file = "provider-secret"
"""
PASSWORDS = ("seven canaries over the quiet delta", "eight canaries over the quiet delta")
SECRET_FIELDS = (
    *(
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "refresh_token",
        "device_code",
        "password",
        "token",
    ),
    *("subject_token", "access_token", "ticket", "current", "again", "form_token", "id_token_hint", "request_uri"),
)
PUBLIC_FORMS = (
    *("/oauth2/token", "/oauth2/par", "/oauth2/revoke", "/oauth2/introspect", "/oauth2/device_authorization"),
    *("/oauth2/userinfo", "/oauth2/authorize", "/oauth2/consent", "/oauth2/device", "/oauth2/device/decision"),
    *("/oauth2/logout", "/login", "/login/code", "/login/recovery-code", "/login/set-up", "/password", "/logout"),
    *("/account/password", "/account/second-factor", "/account/recovery-codes"),
)
GO_ON = {"/oauth2/authorize", "/oauth2/logout"}
"""A form that is sent here goes on as an address (OpenID Connect allows both): what is in it belongs in addresses."""


@dataclass
class Life:
    """A facility, what it was told in confidence, and the answers to those who had no right or no luck."""

    facility: Any
    secrets: dict[str, str] = field(default_factory=dict)
    refusals: list[str] = field(default_factory=list)

    @property
    def site(self) -> str:
        return str(self.facility.base_url.removesuffix("/api/v1.2"))

    def keep(self, name: str, secret: str) -> str:
        assert len(secret) >= 6
        self.secrets[name] = secret
        return secret

    def refused(self, answer: httpx.Response) -> httpx.Response:
        self.refusals.append(f"{answer.url.path} {answer.status_code} {answer.headers} {answer.text}")
        return answer

    def browser(self) -> httpx.Client:
        headers = {"sec-fetch-site": "same-origin"}
        return httpx.Client(base_url=self.site, follow_redirects=True, timeout=DEADLINE, headers=headers)


def filled(browser: httpx.Client, page: httpx.Response, **fields: str) -> httpx.Response:
    form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', page.text, re.DOTALL)
    assert form, page.text
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form[2]))
    kept = {name: html.unescape(value) for name, value in hidden.items()}
    return browser.post(html.unescape(form[1]), data=kept | fields)


@pytest.fixture(scope="module")
def life(new_facility: Callable[[], Any]) -> Life:
    made = Life(new_facility())
    password = Path(made.facility.directory, "mail-password")
    password.write_text(made.keep("the mail server's password", MAIL_PASSWORD))
    password.chmod(0o600)
    made.facility.configure(
        server={"access_log": True, "log_level": "debug", "log_lines_per_minute": 0},
        login={"accounts": True, "hash_memory_mib": 19},
        limits={"rates": {"address_per_second": 0}},
        mail={"host": "127.0.0.1", "port": 9, "security": "none", "sender": "api@example.org", "user": "api"}
        | {"password_file": "mail-password"},
    )
    secret = Path(made.facility.directory, "provider-secret")
    secret.write_text(made.keep("the identity provider's secret", PROVIDER_SECRET))
    secret.chmod(0o600)
    file = Path(made.facility.config)
    file.write_text(file.read_text() + PROVIDER)
    made.facility.start()
    made.keep("what was mistyped", WRONG)
    _log_in(made)
    _use_a_client(made)
    _mistake_everything(made)
    _break_everything(made)
    return made


def _log_in(life: Life) -> None:
    """Invited, with a second factor, and back with a recovery code; the password is changed."""
    invited = urlsplit(life.facility.admin("user", "invite", "demo1", "--show")["url"])
    link, _ = f"{invited.path}?{invited.query}", life.keep("the invitation", invited.query.partition("ticket=")[2])
    first, second = (life.keep(f"password {number}", each) for number, each in enumerate(PASSWORDS))
    with life.browser() as browser:
        filled(browser, browser.get(link), password=first, again=first)
        page = filled(browser, browser.get("/login"), user="demo1", password=first)
        key = re.search(r"give it this key: <code>([^<]+)</code>", page.text)
        assert key, page.text
        secret = life.keep("the second factor's key", key[1].replace(" ", ""))
        life.keep("the sealed key", dict(re.findall(r'name="(sealed)" value="([^"]+)"', page.text))["sealed"])
        page = filled(browser, page, code=pyotp.TOTP(secret).at(datetime.now(UTC)))
        codes = re.findall(r"<li><code>([^<]+)</code>", page.text)
        for number, code in enumerate(codes):
            life.keep(f"recovery code {number}", code)
        changed = filled(browser, browser.get("/account/password"), current=first, password=second, again=second)
        assert changed.status_code == 200
        life.keep(
            "the session",
            browser.cookies["__Host-sfapi_session"]
            if "__Host-sfapi_session" in browser.cookies
            else next(iter(browser.cookies.values())),
        )
    with life.browser() as browser:
        life.refused(filled(browser, browser.get("/login"), user="demo1", password=WRONG))
        life.refused(filled(browser, browser.get("/login"), user="nobody", password=WRONG))
        page = filled(browser, browser.get("/login"), user="demo1", password=second)
        life.refused(filled(browser, page, code="000000"))
        page = filled(browser, browser.get("/login/recovery-code"), code=codes[0])
        assert page.status_code == 200
        assert life.refused(browser.get("/login/with/away")).status_code >= 500
        _use_a_device(life, browser)


def _use_a_client(life: Life) -> None:
    key = json.loads(life.facility.key().read_text())
    life.keep("the client's private key", key["secret"]["d"])
    assertion = life.keep("the assertion", sign_assertion(key["secret"], key["client_id"], life.facility.token_url))
    token = httpx.post(life.facility.token_url, data=token_form(assertion), timeout=DEADLINE).json()["access_token"]
    life.keep("the access token", token)
    life.refused(httpx.post(life.facility.token_url, data=token_form(assertion), timeout=DEADLINE))
    life.refused(httpx.post(life.facility.token_url, params=token_form(assertion), timeout=DEADLINE))
    with httpx.Client(base_url=life.facility.base_url, headers={"Authorization": f"Bearer {token}"}) as http:
        secret = http.post("/callbacks/secret", timeout=DEADLINE).json()["secret"]
        life.keep("the secret of callbacks", secret)
        life.refused(http.get("/tasks/999999", params={"access_token": token}))
        for path in ("status", "utilities/ls/perlmutter"):  # whoever asks for it by its name is told that it is not
            http.get(f"/{path}/{token}")


def _use_a_device(life: Life, browser: httpx.Client) -> None:
    """Allowed by somebody who has logged in. Its refresh token is turned in, and then the old one again."""
    application = life.facility.admin(
        *("application", "add", "--owner", "demo2", "--name", "Microscope", "--level", "green", "--device")
    )["id"]
    wanted = {"client_id": application, "scope": "offline_access account.info:read"}
    begun = httpx.post(f"{life.site}/oauth2/device_authorization", data=wanted, timeout=DEADLINE).json()
    life.keep("the device's code", begun["device_code"])
    page = filled(browser, browser.get("/oauth2/device"), user_code=begun["user_code"])
    assert filled(browser, page, decision="allow").status_code == 200

    def ask(**form: str) -> httpx.Response:
        return httpx.post(life.facility.token_url, data={"client_id": application, **form}, timeout=DEADLINE)

    code = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": begun["device_code"]}
    first = ask(**code).json()
    second = ask(grant_type="refresh_token", refresh_token=first["refresh_token"]).json()
    for number, given in enumerate((first, second)):
        life.keep(f"access token {number} of the device", given["access_token"])
        life.keep(f"refresh token {number} of the device", given["refresh_token"])
    assert life.refused(ask(**code)).status_code == 400
    assert life.refused(ask(grant_type="refresh_token", refresh_token=first["refresh_token"])).status_code == 400
    assert life.refused(ask(grant_type="refresh_token", refresh_token=second["refresh_token"])).status_code == 400


def _mistake_everything(life: Life) -> None:
    """A secret of the wrong kind, in every field and header that takes one, of every form that anybody may send."""
    everything = dict.fromkeys(SECRET_FIELDS, WRONG)
    headers = [{"Authorization": f"{kind} {WRONG}"} for kind in ("Bearer", "DPoP", "Basic", WRONG)]
    headers += [{"DPoP": WRONG}, {"Cookie": f"__Host-sfapi_session={WRONG}; sfapi_session={WRONG}"}]
    with httpx.Client(base_url=life.site, timeout=DEADLINE) as http:
        for path in PUBLIC_FORMS:
            life.refused(http.post(path, data=everything))
            for name in SECRET_FIELDS:
                life.refused(http.post(path, data={name: WRONG, "client_id": "x", "grant_type": "refresh_token"}))
            life.refused(http.post(path, params=everything))
            http.get(path, params=everything)  # a login may lead back to the address that was asked for
            for each in headers:
                life.refused(http.post(path, headers=each, data={"client_id": "x"}))
        for path in ("/account", "/tasks", "/events", "/compute/jobs/perlmutter", "/status/perlmutter"):
            for each in headers:
                life.refused(http.get("/api/v1.2" + path, headers=each, params={"access_token": WRONG}))


def _break_everything(life: Life) -> None:
    """The database is gone from under the server: what is asked now fails in whatever way it can."""
    database = Path(life.facility.directory, "superfacility.db")
    with sqlite3.connect(database, isolation_level=None) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
            )
        ]
        for table in tables:
            connection.execute(f'ALTER TABLE "{table}" RENAME TO "gone_{table}"')
    connection.close()
    failed = len(life.refusals)
    with httpx.Client(base_url=life.site, timeout=DEADLINE) as http:
        key, token = life.secrets["the client's private key"], life.secrets["the access token"]
        for path in ("/account", "/account/projects", "/tasks", "/callbacks", "/account/groups", "/account/clients"):
            life.refused(http.get("/api/v1.2" + path, headers={"Authorization": f"Bearer {token}"}))
        life.refused(http.post("/oauth2/token", data=token_form(life.secrets["the assertion"])))
        life.refused(
            http.post(
                "/api/v1.2/utilities/command/perlmutter",
                headers={"Authorization": f"Bearer {token}"},
                data={"executable": key},
            )
        )
        life.refused(http.get("/account", headers={"Cookie": f"__Host-sfapi_session={life.secrets['the session']}"}))
        for path in PUBLIC_FORMS:
            life.refused(http.post(path, data=dict.fromkeys(SECRET_FIELDS, WRONG) | {"client_id": "x"}))
    with sqlite3.connect(database, isolation_level=None) as connection:
        for table in tables:
            connection.execute(f'ALTER TABLE "gone_{table}" RENAME TO "{table}"')
    connection.close()
    assert len([each for each in life.refusals[failed:] if each.split(" ")[1].startswith("5")]) > 5


def found_in(life: Life, text: str) -> list[str]:
    return [name for name, secret in life.secrets.items() if secret in text]


def test_the_log_has_none(life: Life) -> None:
    log = life.facility.log.read_text()
    assert '"level": "debug"' in log
    assert "Traceback" in log
    assert '"event": "request"' in log
    assert found_in(life, log) == []


def test_the_database_has_none(life: Life) -> None:
    with sqlite3.connect(Path(life.facility.directory, "superfacility.db")) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert "demo1" in dump
    assert found_in(life, dump) == []
    raw = Path(life.facility.directory, "superfacility.db").read_bytes().decode("latin-1")
    assert found_in(life, raw) == []


def test_no_refusal_repeats_one(life: Life) -> None:
    """In its body, its headers or the address that it leads to."""
    assert len(life.refusals) > 300
    told = {(each.split(" ")[0], *found_in(life, each.partition(" ")[2])) for each in life.refusals}
    told = {each for each in told if each[0] not in GO_ON}
    repeated = sorted(each for each in told if len(each) > 1)
    assert not repeated, repeated


def test_the_state_has_none_and_is_nobody_elses(life: Life) -> None:
    folder = Path(life.facility.directory)
    for file in (each for part in ("state", "keys") for each in (folder / part).rglob("*") if each.is_file()):
        assert file.parent.name != "keys" or file.stat().st_mode & 0o077 == 0, file
        assert found_in(life, file.read_bytes().decode("latin-1")) == [], file
    for place in (
        folder,
        folder / "state",
        folder / "keys",
        folder / "superfacility.db",
        folder / "superfacility.toml",
    ):
        assert place.stat().st_mode & 0o077 == 0, place


def test_a_crash_would_leave_no_image_of_memory(life: Life) -> None:
    limits = Path(f"/proc/{life.facility.process.pid}/limits").read_text()
    (line,) = (each for each in limits.splitlines() if each.startswith("Max core file size"))
    assert line.split()[4] == "0"


def test_what_others_may_read_or_what_is_empty_keeps_the_server_from_starting(new_facility: Callable[[], Any]) -> None:
    facility = new_facility()
    settings = load_settings(Path(facility.config))
    folder = Path(facility.directory)
    keys = [each for each in (folder / "keys").iterdir() if each.suffix in (".key", ".pem")]
    assert len(keys) > 2
    assert dangers(settings) == []
    for file in (*keys, folder / "superfacility.db"):
        file.chmod(0o644)
        assert str(file) in "".join(dangers(settings))
        file.chmod(0o600)
    for file in (each for each in keys if each.suffix == ".key"):
        kept = file.read_bytes()
        file.write_bytes(b"")
        with pytest.raises(InvalidInput, match="does not hold"):
            own_key(file)
        file.write_bytes(kept)
    keys[0].chmod(0o644)
    command = [Path(sys.executable).parent / "sfapi", "serve", "--config", facility.config, "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE, check=False)
    assert done.returncode != 0
    assert "does not start" in done.stderr
