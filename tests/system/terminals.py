"""People at terminals: a browser without a browser, logins by device flow, and commands in a home of their own."""

import html
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

SFAPI = str(Path(sys.executable).parent / "sfapi")
DEADLINE = 60.0
PASSWORD = "seven violet staplers hum at noon"


class Browser:
    """Follows links, keeps cookies, and sends the form of a page with what a person fills in."""

    def __init__(self, site: str) -> None:
        self.http = httpx.Client(
            base_url=site, follow_redirects=True, timeout=30, headers={"sec-fetch-site": "same-origin"}
        )
        self.page = ""

    def open(self, address: str) -> None:
        self._shown(self.http.get(address))

    def send(self, **filled: str) -> None:
        form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', self.page, re.DOTALL)
        assert form, self.page
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.group(2))
        fields = {name: html.unescape(value) for name, value in hidden}
        self._shown(self.http.post(html.unescape(form.group(1)), data={**fields, **filled}))

    def _shown(self, answer: httpx.Response) -> None:
        assert answer.status_code == 200, f"{answer.url} {answer.status_code}: {answer.text}"
        self.page = answer.text


def with_logins(facility: Any) -> Any:
    """A facility that serves logins with a password alone, whose hashes cost little."""
    file = Path(facility.config)
    text = re.sub(r"(?m)^#? ?(second_factor|hash_memory_mib) = .*\n", "", file.read_text())
    file.write_text(re.sub(r"(?m)^\[login\].*$", '[login]\nsecond_factor = "optional"\nhash_memory_mib = 19', text))
    facility.start()
    return facility


@contextmanager
def browsing(facility: Any, user: str) -> Iterator[Browser]:
    """Somebody who is invited, chooses a password and logs in with it."""
    invited = facility.admin("user", "invite", user, "--show")
    found = Browser(site_of(facility))
    link = urlsplit(invited["url"])
    found.open(f"{link.path}?{link.query}")
    found.send(password=PASSWORD, again=PASSWORD)
    found.open("/login")
    found.send(user=user, password=PASSWORD)
    yield found
    found.http.close()


def site_of(facility: Any) -> str:
    return str(facility.base_url.removesuffix("/api/v1.2"))


def environment(home: Path) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SFAPI_")}
    return {**clean, "SFAPI_HOME": str(home)}


def run(home: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SFAPI, *words],
        env=environment(home),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def begun(home: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    """A login that waits, and the code that it shows."""
    process = subprocess.Popen([SFAPI, "login", *words], env=environment(home), stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        line = process.stderr.readline()
        if found := re.match(r"Enter (\S+)", line):
            return process, found.group(1)
        assert line, f"no code: {process.wait(DEADLINE)}"
    raise AssertionError("no code came")


def answered(browser: Browser, code: str, decision: str) -> None:
    browser.open("/oauth2/device")
    browser.send(user_code=code)
    assert "the sfapi command line" in browser.page
    browser.send(decision=decision)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    _, words = process.communicate(timeout=DEADLINE)
    return process.returncode, words


def logged_in(facility: Any, browser: Browser, folder: Path, user: str) -> Path:
    process, code = begun(folder, facility.base_url, "--facility", "demo")
    answered(browser, code, "allow")
    code_of_exit, words = ended(process)
    assert code_of_exit == 0, words
    assert f"You are {user} at demo." in words
    return folder


def calling(facility: Any, home: Path) -> httpx.Client:
    """The API, as who has logged in there."""
    run(home, "whoami")  # which renews a token that ends soon
    token = json.loads(token_file(home).read_text())["access"]["value"]
    return httpx.Client(
        base_url=facility.base_url + "/", headers={"Authorization": f"Bearer {token}"}, timeout=DEADLINE
    )


def token_file(home: Path) -> Path:
    return home / ".tokens" / "demo.json"
