"""Logging in to applications, from outside: Authlib's clients, and scripts that know nothing but HTTP.

A person with a browser (cookies and forms, no JavaScript) logs in with a password; a served facility answers.
"""

import base64
import hashlib
import html
import json
import re
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import requests
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt

from superfacility.oauth.keys import generate_key_pair

PASSWORD = "seven herons over the quiet delta"
CALLBACK = "http://127.0.0.1:8765/callback"
SCOPE = "openid email offline_access account.info:read"


class Browser:
    """Follows links on one site, keeps cookies, and sends the form of a page with what a person fills in."""

    def __init__(self, site: str) -> None:
        self.site = site
        self.http = httpx.Client(base_url=site, timeout=30, headers={"sec-fetch-site": "same-origin"})
        self.page = ""

    def open(self, address: str) -> str | None:
        """Where it leads away from the site, or None for a page of the site."""
        return self._follow(self.http.get(address))

    def send(self, **filled: str) -> str | None:
        form = re.search(r'<form method="post" action="([^"]+)">(.*?)</form>', self.page, re.DOTALL)
        assert form, self.page
        hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form.group(2))
        fields = {name: html.unescape(value) for name, value in hidden}
        return self._follow(self.http.post(html.unescape(form.group(1)), data={**fields, **filled}))

    def _follow(self, answer: httpx.Response) -> str | None:
        while True:
            onward = answer.headers.get("refresh", "").partition("url=")[2] or answer.headers.get("location")
            if onward is None:
                assert answer.status_code == 200, f"{answer.url} {answer.status_code}: {answer.text}"
                self.page = answer.text
                return None
            if urlsplit(onward).netloc not in ("", urlsplit(self.site).netloc):
                return str(onward)
            answer = self.http.get(onward)


@pytest.fixture(scope="module")
def facility(new_facility: Callable[[], Any]) -> Any:
    """With two server processes: what one has begun the other goes on with."""
    made = new_facility()
    file = Path(made.config)
    text = re.sub(r"(?m)^#? ?(second_factor|hash_memory_mib) = .*\n", "", file.read_text())
    text = re.sub(r"(?m)^\[login\].*$", '[login]\nsecond_factor = "optional"\nhash_memory_mib = 19', text)
    text = re.sub(r"(?m)^#? ?address_per_second = .*$", "address_per_second = 0", text)
    file.write_text(re.sub(r"(?m)^#? ?workers = .*$", "workers = 2", text))
    made.start()
    return made


@pytest.fixture(scope="module")
def site(facility: Any) -> str:
    found: str = facility.base_url.removesuffix("/api/v1.2")
    return found


@pytest.fixture(scope="module")
def metadata(site: str) -> dict[str, Any]:
    found: dict[str, Any] = requests.get(f"{site}/.well-known/openid-configuration", timeout=30).json()
    return found


@pytest.fixture(scope="module")
def browser(facility: Any, site: str) -> Iterator[Browser]:
    """Of demo1, who is invited, chooses a password and logs in with it."""
    link = urlsplit(facility.admin("user", "invite", "demo1", "--show")["url"])
    found = Browser(site)
    found.open(f"{link.path}?{link.query}")
    found.send(password=PASSWORD, again=PASSWORD)
    found.open("/login")
    found.send(user="demo1", password=PASSWORD)
    yield found
    found.http.close()


def register(facility: Any, name: str, *options: str) -> str:
    found = facility.admin(
        *("application", "add", "--owner", "demo2", "--name", name, "--level", "red", "--redirect", CALLBACK),
        *("--logout", "http://127.0.0.1:8765/bye", "--device", *options),
    )
    client_id: str = found["id"]
    return client_id


def allow(browser: Browser, url: str) -> str:
    """What the browser brings back to the application once the person has said yes."""
    back = browser.open(url)
    back = back or browser.send(decision="allow")
    assert back is not None
    return back


def test_a_public_application_with_authlib(
    facility: Any, site: str, metadata: dict[str, Any], browser: Browser
) -> None:
    client_id = register(facility, "Authlib public")
    verifier = secrets.token_urlsafe(48)
    with OAuth2Session(
        client_id,
        redirect_uri=CALLBACK,
        scope=SCOPE,
        token_endpoint_auth_method="none",
        code_challenge_method="S256",
    ) as session:
        url, state = session.create_authorization_url(
            metadata["authorization_endpoint"], code_verifier=verifier, nonce="n1"
        )
        back = allow(browser, url)
        assert parse_qs(urlsplit(back).query)["iss"] == [metadata["issuer"]]
        token = session.fetch_token(
            metadata["token_endpoint"], authorization_response=back, state=state, code_verifier=verifier
        )
        keys = jwk.KeySet.import_key_set(session.get(metadata["jwks_uri"], withhold_token=True).json())
        claims = jwt.decode(token["id_token"], keys).claims
        assert (claims["iss"], claims["aud"], claims["nonce"]) == (metadata["issuer"], client_id, "n1")
        assert claims["preferred_username"] == "demo1"
        assert session.get(f"{facility.base_url}/account/").json()["name"] == "demo1"
        assert session.get(metadata["userinfo_endpoint"]).json()["sub"] == "demo1"
        fresh = session.refresh_token(metadata["token_endpoint"])
        assert fresh["refresh_token"] != token["refresh_token"]
        assert session.get(f"{facility.base_url}/account/").json()["name"] == "demo1"
        assert session.revoke_token(metadata["revocation_endpoint"], fresh["refresh_token"]).status_code == 200
        assert session.get(f"{facility.base_url}/account/").status_code == 403


async def test_a_confidential_application_with_authlib(
    facility: Any, metadata: dict[str, Any], browser: Browser, tmp_path: Path
) -> None:
    private, public = generate_key_pair("RS256")
    (tmp_path / "public.json").write_text(json.dumps(public))
    client_id = register(facility, "Authlib confidential", "--key", str(tmp_path / "public.json"))
    verifier = secrets.token_urlsafe(48)
    signer = PrivateKeyJWT(metadata["token_endpoint"])
    async with AsyncOAuth2Client(
        client_id,
        client_secret=private,
        redirect_uri=CALLBACK,
        scope=SCOPE,
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        code_challenge_method="S256",
    ) as session:
        session.register_client_auth_method(signer)
        url, state = session.create_authorization_url(metadata["authorization_endpoint"], code_verifier=verifier)
        token = await session.fetch_token(
            metadata["token_endpoint"],
            authorization_response=allow(browser, url),
            state=state,
            code_verifier=verifier,
        )
        assert (await session.get(f"{facility.base_url}/account/")).json()["name"] == "demo1"
        looked = await session.introspect_token(metadata["introspection_endpoint"], token["access_token"])
        assert looked.json()["active"] is True
        fresh = await session.refresh_token(metadata["token_endpoint"], token["refresh_token"])
        again = await session.introspect_token(metadata["introspection_endpoint"], token["refresh_token"])
        assert again.json() == {"active": False}
        await session.revoke_token(metadata["revocation_endpoint"], fresh["access_token"])
        assert (await session.get(f"{facility.base_url}/account/")).status_code == 403


def post(url: str, **form: str) -> tuple[int, dict[str, Any]]:
    """With nothing but the standard library."""
    request = urllib.request.Request(url, urlencode(form).encode())
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_device_by_hand(facility: Any, metadata: dict[str, Any], browser: Browser) -> None:
    client_id = register(facility, "A microscope")
    _, begun = post(
        metadata["device_authorization_endpoint"], client_id=client_id, scope="offline_access compute.jobs:read"
    )
    grant_type = "urn:ietf:params:oauth:grant-type:device_code"
    form = {"grant_type": grant_type, "device_code": begun["device_code"], "client_id": client_id}
    assert post(metadata["token_endpoint"], **form)[1]["error"] == "authorization_pending"
    assert post(metadata["token_endpoint"], **form)[1]["error"] == "slow_down"
    browser.open(begun["verification_uri_complete"])
    assert begun["user_code"] in browser.page
    browser.send(user_code=begun["user_code"].lower())
    for words in ("A microscope", "127.0.0.1", "list jobs", "yellow"):
        assert words in browser.page
    browser.send(decision="allow")
    status, token = post(metadata["token_endpoint"], **form)
    assert status == 200
    headers = {"Authorization": f"Bearer {token['access_token']}"}
    jobs = requests.get(f"{facility.base_url}/compute/jobs/perlmutter", headers=headers, timeout=30)
    assert jobs.json()["status"] == "OK"
    assert requests.post(f"{facility.base_url}/compute/jobs/perlmutter", headers=headers, timeout=30).status_code == 403
    assert post(metadata["token_endpoint"], **form)[1]["error"] == "invalid_grant"
    assert requests.get(f"{facility.base_url}/compute/jobs/perlmutter", headers=headers, timeout=30).status_code == 403


def code_for(metadata: dict[str, Any], browser: Browser, client_id: str, verifier: str) -> str:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": CALLBACK,
        "scope": SCOPE,
        "state": "s",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    back = allow(browser, f"{metadata['authorization_endpoint']}?{urlencode(query)}")
    return parse_qs(urlsplit(back).query)["code"][0]


def together(url: str, form: dict[str, str], count: int) -> list[tuple[int, dict[str, Any]]]:
    with ThreadPoolExecutor(32) as pool:
        return list(pool.map(lambda _: post(url, **form), range(count)))


@pytest.fixture
def often(soak: bool) -> int:
    return 1000 if soak else 100


def test_a_code_and_a_refresh_token_that_many_show_give_one_token(
    facility: Any, metadata: dict[str, Any], browser: Browser, often: int
) -> None:
    client_id, verifier = register(facility, "A race"), secrets.token_urlsafe(48)
    form = {"client_id": client_id, "redirect_uri": CALLBACK, "code_verifier": verifier}
    code = code_for(metadata, browser, client_id, verifier)
    answers = together(metadata["token_endpoint"], form | {"grant_type": "authorization_code", "code": code}, often)
    assert [status for status, _ in answers].count(200) == 1
    assert {body["error"] for status, body in answers if status != 200} == {"invalid_grant"}
    (won,) = (body for status, body in answers if status == 200)
    headers = {"Authorization": f"Bearer {won['access_token']}"}
    assert requests.get(f"{facility.base_url}/account/", headers=headers, timeout=30).status_code == 403

    code = code_for(metadata, browser, client_id, verifier)
    _, token = post(metadata["token_endpoint"], **form, grant_type="authorization_code", code=code)
    form = {"client_id": client_id, "grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
    answers = together(metadata["token_endpoint"], form, often)
    assert [status for status, _ in answers].count(200) == 1
    (won,) = (body for status, body in answers if status == 200)
    status, body = post(metadata["token_endpoint"], **form | {"refresh_token": won["refresh_token"]})
    assert (status, body["error"]) == (400, "invalid_grant")


def test_an_application_logs_people_out(facility: Any, metadata: dict[str, Any], site: str, browser: Browser) -> None:
    leaving = Browser(site)
    leaving.open("/login")
    leaving.send(user="demo1", password=PASSWORD)
    client_id, verifier = register(facility, "One that ends"), secrets.token_urlsafe(48)
    code = code_for(metadata, leaving, client_id, verifier)
    form = {"client_id": client_id, "redirect_uri": CALLBACK, "code_verifier": verifier}
    _, token = post(metadata["token_endpoint"], **form, grant_type="authorization_code", code=code)
    goodbye = {
        "id_token_hint": token["id_token"],
        "post_logout_redirect_uri": "http://127.0.0.1:8765/bye",
        "state": "s1",
    }
    assert leaving.open(f"{metadata['end_session_endpoint']}?{urlencode(goodbye)}") == (
        "http://127.0.0.1:8765/bye?state=s1"
    )
    leaving.open("/account")
    assert 'action="/login"' in leaving.page
    leaving.http.close()


def test_a_program_finds_all_that_it_needs(facility: Any, metadata: dict[str, Any]) -> None:
    """From the refusal of its first request on (RFC 9728)."""
    assert metadata["code_challenge_methods_supported"] == ["S256"]
    assert metadata["response_types_supported"] == ["code"]
    resource = requests.get(f"{metadata['issuer']}/.well-known/oauth-protected-resource/api/v1.2", timeout=30).json()
    assert resource["authorization_servers"] == [metadata["issuer"]]
    refused = requests.get(f"{facility.base_url}/account/", timeout=30)
    where = re.search(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
    assert where
    assert requests.get(where[1], timeout=30).json() == resource
