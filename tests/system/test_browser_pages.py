"""Our pages in Chromium: by keyboard alone, in both colour schemes, narrow and wide, under their own policy."""

import base64
import hashlib
import json
import re
import secrets
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from tests.debian import program, require

PARTS = Path(__file__).parent / "browser_pages"
CALLBACK = "http://127.0.0.1:8765/callback"
DEADLINE = 60
PAGES = {
    "invitation",
    "password-set",
    "login",
    "login-refused",
    "set-up",
    "recovery-codes",
    "account",
    "logout",
    "logged-out",
    "second-factor",
    "recovery-code",
    "recovery-code-refused",
    "consent",
    "request-refused",
    "allowed",
    "device",
    "device-refused",
    "device-confirm",
    "device-done",
    "provider-away",
}


@pytest.fixture(scope="session")
def chromium() -> str:
    names = ("chromium", "chromium-browser", "google-chrome")
    require(lambda: program(*names) is not None, "No test in a browser", "chromium")
    found = program(*names)
    assert found is not None
    return found


@pytest.fixture(scope="session")
def library(chromium: str, from_npm: Callable[[Path, str], Path]) -> Path:
    """A folder with the driver and axe in it."""
    return from_npm(PARTS, "No test in a browser")


PROVIDERS = """
[login.providers.away]
title = "Example Lab"
issuer = "https://127.0.0.1:1"
client_id = "superfacility"
client_secret_file = "keys/away.secret"
"""


@pytest.fixture(scope="module")
def facility(chromium: str, new_facility: Callable[[], Any]) -> Any:
    made = new_facility()
    secret = made.directory / "keys/away.secret"
    secret.write_text("secret")
    secret.chmod(0o600)
    file = Path(made.config)
    text = re.sub(r"(?m)^\[login\].*$", "[login]\naccounts = true\nhash_memory_mib = 19", file.read_text())
    text = re.sub(r"(?m)^#? ?address_per_second = .*$", "address_per_second = 0", text)
    file.write_text(text + PROVIDERS)
    made.start()
    return made


@pytest.mark.timeout(600)
def test_every_page_works_by_keyboard_and_for_all_eyes(
    facility: Any, chromium: str, library: Path, tmp_path: Path
) -> None:
    site = facility.base_url.removesuffix("/api/v1.2")
    client_id = facility.admin(
        *("application", "add", "--owner", "demo2", "--name", "Imaging gateway of the beamline", "--level", "red"),
        *("--redirect", CALLBACK, "--device"),
    )["id"]
    metadata = httpx.get(f"{site}/.well-known/openid-configuration", timeout=DEADLINE).json()
    scopes = " ".join(metadata["scopes_supported"])
    begun = httpx.post(
        metadata["device_authorization_endpoint"],
        data={"client_id": client_id, "scope": "offline_access compute.jobs:read"},
        timeout=DEADLINE,
    ).json()
    asked = {
        "site": site,
        "chromium": chromium,
        "invitation": facility.admin("user", "invite", "demo1", "--show")["url"].partition("/password")[2],
        "authorize": _authorize(client_id, CALLBACK, scopes),
        "broken": _authorize(client_id, "http://127.0.0.1:8765/another", scopes),
        "user_code": begun["user_code"],
        "pictures": str(tmp_path),
        "deadline": DEADLINE * 1000,
    }
    asked["invitation"] = f"/password{asked['invitation']}"
    found = _walk(asked, library, tmp_path)
    assert found["problems"] == []
    assert found["back"].startswith(f"{CALLBACK}?code=")
    assert {each["name"] for each in found["pages"]} == PAGES
    assert [each for each in found["pages"] if each["violations"] or each["wide"]] == []
    assert len(found["pages"]) == 4 * len(PAGES)


def _authorize(client_id: str, redirect: str, scopes: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(secrets.token_bytes(32)).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": redirect,
        "scope": scopes,
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    return f"/oauth2/authorize?{urlencode(query)}"


def _walk(asked: dict[str, Any], library: Path, folder: Path) -> Any:
    shutil.copy(PARTS / "walk.mjs", folder)
    (folder / "node_modules").symlink_to(library / "node_modules")
    (folder / "asked.json").write_text(json.dumps(asked))
    done = subprocess.run(["node", "walk.mjs", "asked.json"], cwd=folder, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
