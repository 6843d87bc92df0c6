"""Logging in at a real identity provider: `oidc-provider`, an OpenID-certified library, in processes of its own.

A person with a browser (cookies, forms, no JavaScript) goes from an application to our pages, the provider's, and back.
"""

import base64
import hashlib
import json
import secrets
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urljoin, urlsplit

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jwk, jwt

from superfacility.testing.reserved import reserved_port

PARTS = Path(__file__).parent / "oidc_provider"
pytestmark = pytest.mark.timeout(600)

CALLBACK = "http://127.0.0.1:8765/callback"
MFA = "https://refeds.org/profile/mfa"
SECRET = "a secret: 100% + spaces & more of the kind"
DEADLINE = 60.0
TLS_HOST = "127.0.17.1"
PEOPLE = {
    "p-1": {"preferred_username": "demo1@lab.example", "email": "demo1@lab.example", "groups": []},
    "p-2": {
        "preferred_username": "ada@lab.example",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "email": "ada@lab.example",
        "groups": ["/hpc/staff", "/hpc/m0001", "/other"],
    },
    "p-3": {"preferred_username": "demo2@elsewhere.example"},
}


class Form(HTMLParser):
    """The first form of a page, with its hidden fields."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "form" and self.action is None:
            self.action = found["action"]
        if tag == "input" and found.get("type") == "hidden":
            self.fields[found["name"] or ""] = found.get("value") or ""


@dataclass
class Browser:
    """Follows links from site to site; stops at pages, and where the application has its callback."""

    site: str
    trusted: Path
    http: httpx.Client = field(init=False)
    answer: httpx.Response = field(init=False)
    history: list[str] = field(default_factory=list)
    bend: Callable[[str], str] = str
    """What a person, or somebody between, does to an address before it is opened."""

    def __post_init__(self) -> None:
        context = ssl.create_default_context(cafile=str(self.trusted))
        self.http = httpx.Client(timeout=60, verify=context, headers={"sec-fetch-site": "same-origin"})

    @property
    def page(self) -> str:
        return self.answer.text

    def open(self, address: str) -> str | None:
        """Where it leads to at the application; None for a page."""
        self.history.clear()
        return self._follow(self.http.get(urljoin(self.site, address)))

    def send(self, **filled: str) -> str | None:
        form = Form(self.page)
        assert form.action, self.page
        target = urljoin(str(self.answer.url), form.action)
        return self._follow(self.http.post(target, data={**form.fields, **filled}))

    def log_in(self, name: str, person: str = "p-1", *, leads_to: str = "/account", **filled: str) -> str | None:
        """At the provider of that name: its page for the login, then the one for consent."""
        self.open(f"/login/with/{name}?{urlencode({'next': leads_to})}")
        return self.at_provider(person, **filled)

    def at_provider(self, person: str = "p-1", **filled: str) -> str | None:
        assert "<h1>login</h1>" in self.page, self.page
        back = self.send(do="login", person=person, **filled)
        return self.send(do="allow") if "<h1>consent</h1>" in self.page else back

    def _follow(self, answer: httpx.Response) -> str | None:
        while True:
            self.answer = answer
            onward = answer.headers.get("refresh", "").partition("url=")[2] or answer.headers.get("location")
            if onward is None:
                return None
            target = self.bend(urljoin(str(answer.url), onward))
            self.history.append(target)
            if target.startswith(CALLBACK):
                return target
            answer = self.http.get(target)


@dataclass
class RealProvider:
    """A process of the library. What it is asked to be may be changed before it is started again."""

    folder: Path
    asked: dict[str, Any]
    process: subprocess.Popen[bytes] | None = None

    @property
    def file(self) -> Path:
        return self.folder / f"{self.asked['port']}.json"

    def write(self, **changes: Any) -> None:
        """People are read each time; anything else when it starts."""
        self.asked |= changes
        self.file.write_text(json.dumps(self.asked))

    def start(self, **changes: Any) -> None:
        self.write(**changes)
        with self.file.with_suffix(".log").open("ab") as log:
            self.process = subprocess.Popen(
                ["node", "server.mjs", str(self.file)], cwd=self.folder, stdout=subprocess.PIPE, stderr=log
            )
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], DEADLINE)
        assert ready, "the provider says nothing"
        assert self.process.stdout.readline() == b"ready\n", self.file.with_suffix(".log").read_text()

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait(DEADLINE)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None

    def again(self, **changes: Any) -> None:
        self.stop()
        self.start(**changes)


@pytest.fixture(scope="session")
def library(from_npm: Callable[[Path, str], Path]) -> Path:
    """A folder with the library in it."""
    return from_npm(PARTS, "No test with a real identity provider")


@dataclass
class Setting:
    """The facility, its providers, and keys that both sides know."""

    facility: Any
    main: RealProvider
    second: RealProvider
    odd: RealProvider
    tls: RealProvider
    certificate: Path

    @property
    def site(self) -> str:
        found: str = self.facility.base_url.removesuffix("/api/v1.2")
        return found


PROVIDERS = """
[login.providers.{name}]
title = "Lab {name}"
issuer = "{issuer}"
client_id = "{name}"
user_suffix = "@lab.example"
{more}
"""


@pytest.fixture(scope="module")
def own_ports() -> Iterator[tuple[int, int, int]]:
    """Of providers, who are stopped and started again."""
    with reserved_port() as first, reserved_port() as second, reserved_port() as third:
        yield first, second, third


@pytest.fixture(scope="module")
def setting(
    library: Path,
    new_facility: Callable[[], Any],
    own_ports: tuple[int, int, int],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Setting]:
    folder = tmp_path_factory.mktemp("providers")
    shutil.copy(PARTS / "server.mjs", folder)
    (folder / "node_modules").symlink_to(library / "node_modules")
    certificate, private = _certificate(folder)
    keys = [_private(kind, size) for kind, size in ((jwk.RSAKey, 2048), (jwk.ECKey, "P-256"), (jwk.OKPKey, "Ed25519"))]
    ours = jwk.ECKey.generate_key("P-256")
    main, second, odd = (RealProvider(folder, _asked("127.0.0.1", port, keys)) for port in own_ports)
    tls = RealProvider(folder, _asked(TLS_HOST, 8443, keys, {"cert": str(certificate), "key": str(private)}))
    facility = new_facility()
    _configure(facility, ours, main, second, odd, tls)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))
        facility.start()
    found = Setting(facility, main, second, odd, tls, certificate)
    main.write(clients=_clients(found.site, ours))
    second.write(
        clients=[_client(found.site, "second", token_endpoint_auth_method="client_secret_post")],
        client_auth_methods=["client_secret_post"],
        claims_in_userinfo=True,
    )
    odd.write(
        clients=[_client(found.site, name) for name in ("odd", "near")],
        metadata={"jwks_uri": f"{tls.asked['issuer']}/jwks"},
    )
    tls.write(clients=[_client(found.site, "tls")])
    try:
        for provider in (main, second, odd, tls):
            provider.start()
        yield found
    finally:
        for provider in (main, second, odd, tls):
            provider.stop()


def _private(kind: Any, size: Any) -> dict[str, Any]:
    key = kind.generate_key(size)
    return {**key.as_dict(private=True), "kid": key.thumbprint(), "use": "sig"}


def _asked(host: str, port: int, keys: list[dict[str, Any]], tls: dict[str, str] | None = None) -> dict[str, Any]:
    return {
        "issuer": f"{'https' if tls else 'http'}://{host}:{port}",
        "host": host,
        "port": port,
        "keys": keys,
        "tls": tls,
        "people": PEOPLE,
        "metadata": {},
        "claims_in_userinfo": False,
        "client_auth_methods": ["client_secret_basic", "client_secret_post", "private_key_jwt"],
        "acr_values": [MFA],
    }


def _certificate(folder: Path) -> tuple[Path, Path]:
    """Of an authority that only this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tests")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(TLS_HOST))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "authority.pem", folder / "authority.key"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain, none = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, plain, none))
    return certificate, private


def _configure(facility: Any, ours: jwk.Key, *providers: RealProvider) -> None:
    main, second, odd, tls = (each.asked["issuer"] for each in providers)
    file = Path(facility.config)
    for name, content in (("provider.secret", SECRET.encode()), ("provider.pem", ours.as_pem(private=True))):
        path = facility.directory / "keys" / name
        path.write_bytes(content)
        path.chmod(0o600)
    secret = 'client_secret_file = "keys/provider.secret"'
    groups = f'staff_groups = ["/hpc/staff"]\nprojects = {{"/hpc/m0001" = "m0001"}}\ncreate_users = true\n{secret}'
    wanted = 'scopes = ["openid", "profile", "email", "groups"]'
    strong = f'required_acr = ["{MFA}"]\nrequired_amr = ["mfa"]'
    text = file.read_text().replace("# address_per_second", "address_per_second = 0\n# address_per_second")
    for name, issuer, more in (
        ("basic", main, secret),
        ("post", main, f"{secret}\nclient_secret_in_form = true"),
        ("keyed", main, 'private_key_file = "keys/provider.pem"'),
        ("strong", main, f"{secret}\n{strong}"),
        ("mapped", main, f"{groups}\n{wanted}"),
        ("second", second, f"{groups}\n{wanted}"),
        ("odd", odd, secret),
        ("near", odd, f'{secret}\nallow = ["{TLS_HOST}/32"]'),
        ("tls", tls, secret),
    ):
        text += PROVIDERS.format(name=name, issuer=issuer, more=more)
    file.write_text(text)


def _clients(site: str, ours: jwk.Key) -> list[dict[str, Any]]:
    public = {**ours.as_dict(private=False), "kid": ours.thumbprint(), "use": "sig"}
    return [
        _client(site, "basic"),
        _client(site, "post", token_endpoint_auth_method="client_secret_post", id_token_signed_response_alg="PS256"),
        _client(
            site,
            "keyed",
            client_secret=None,
            token_endpoint_auth_method="private_key_jwt",
            id_token_signed_response_alg="ES256",
            jwks={"keys": [public]},
        ),
        _client(site, "strong", id_token_signed_response_alg="EdDSA"),
        _client(site, "mapped"),
    ]


def _client(site: str, name: str, **more: Any) -> dict[str, Any]:
    found = {
        "client_id": name,
        "client_secret": SECRET,
        "redirect_uris": [f"{site}/login/callback/{name}"],
        "post_logout_redirect_uris": [f"{site}/logged-out"],
        "scope": "openid profile email groups",
        **more,
    }
    return {key: value for key, value in found.items() if value is not None}


@pytest.fixture
def browser(setting: Setting) -> Iterator[Browser]:
    found = Browser(setting.site, setting.certificate)
    yield found
    found.http.close()


@pytest.fixture(scope="module")
def application(setting: Setting) -> str:
    made = setting.facility.admin(
        *("application", "add", "--owner", "demo2", "--name", "Gateway", "--level", "green", "--redirect", CALLBACK)
    )
    found: str = made["id"]
    return found


def get_json(setting: Setting, path: str, token: str | None = None) -> Any:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    answer = httpx.get(urljoin(setting.site, path), headers=headers, timeout=DEADLINE)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("name", ["basic", "post", "keyed", "tls"])
def test_from_an_application_to_the_provider_and_back_with_a_token(
    setting: Setting, browser: Browser, application: str, name: str
) -> None:
    metadata = get_json(setting, "/.well-known/openid-configuration")
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    query = {
        "response_type": "code",
        "client_id": application,
        "redirect_uri": CALLBACK,
        "scope": "openid email account.info:read",
        "state": "s",
        "nonce": "n",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    browser.open(f"{metadata['authorization_endpoint']}?{urlencode(query)}")
    assert f"Log in with Lab {name}" in browser.page
    leads_to = parse_qs(urlsplit(str(browser.answer.url)).query)["next"][0]
    browser.log_in(name, leads_to=leads_to, amr="pwd otp")
    assert "Allow Gateway?" in browser.page
    back = browser.send(decision="allow")
    assert back is not None
    form = {
        "grant_type": "authorization_code",
        "code": parse_qs(urlsplit(back).query)["code"][0],
        "redirect_uri": CALLBACK,
        "client_id": application,
        "code_verifier": verifier,
    }
    tokens = httpx.post(metadata["token_endpoint"], data=form, timeout=DEADLINE).json()
    keys = jwk.KeySet.import_key_set(get_json(setting, metadata["jwks_uri"]))
    claims = jwt.decode(tokens["id_token"], keys).claims
    assert (claims["sub"], claims["aud"], claims["nonce"]) == ("demo1", application, "n")
    assert claims["amr"] == ["pwd", "otp"]
    assert get_json(setting, "/api/v1.2/account/", tokens["access_token"])["name"] == "demo1"


def test_what_the_browser_is_sent_with(browser: Browser) -> None:
    browser.open("/login/with/strong?next=/account")
    sent = parse_qs(urlsplit(browser.history[0]).query)
    assert sent["response_type"] == ["code"]
    assert sent["code_challenge_method"] == ["S256"]
    assert sent["acr_values"] == [MFA]
    assert len(sent["code_challenge"][0]) == 43
    assert len({sent["state"][0], sent["nonce"][0], sent["code_challenge"][0]}) == 3


@pytest.mark.parametrize(
    ("acr", "amr", "enters"),
    [(MFA, "pwd mfa", True), ("", "pwd mfa", False), (MFA, "pwd", False), ("urn:weak", "mfa", False), ("", "", False)],
)
def test_a_login_there_may_have_to_be_strong(browser: Browser, acr: str, amr: str, enters: bool) -> None:
    browser.log_in("strong", acr=acr, amr=amr)
    assert ("Your account" in browser.page) is enters
    assert ("wants a stronger login" in browser.page) is not enters


@pytest.mark.parametrize("name", ["mapped", "second"])
def test_groups_there_make_staff_and_members_here(setting: Setting, browser: Browser, name: str) -> None:
    """The claims are in the ID token of the one provider, and in userinfo alone of the other."""
    provider = {"mapped": setting.main, "second": setting.second}[name]
    browser.log_in(name, "p-2")
    assert "Your account" in browser.page, browser.page
    user = setting.facility.admin("user", "show", "ada")
    assert (user["staff"], user["first_name"], user["email"]) == (True, "Ada", "ada@lab.example")
    assert "ada" in members(setting)
    provider.write(people={**PEOPLE, "p-2": {**PEOPLE["p-2"], "groups": ["/other"]}})
    browser.http.cookies.clear()
    browser.log_in(name, "p-2")
    provider.write(people=PEOPLE)
    assert setting.facility.admin("user", "show", "ada")["staff"] is False
    assert "ada" not in members(setting)


def members(setting: Setting) -> list[str]:
    found = setting.facility.admin("project", "show", "m0001")
    return [each.partition(" ")[0] for each in found["members"]]


def test_a_name_of_another_domain_is_nobody_here(browser: Browser) -> None:
    browser.log_in("basic", "p-3")
    assert browser.answer.status_code == 403
    assert "does not say who you are here" in browser.page


def test_a_person_may_say_no_there(browser: Browser) -> None:
    browser.open("/login/with/basic?next=/account/applications")
    browser.send(do="no")
    assert browser.answer.status_code == 403
    assert "did not log in" in browser.page
    assert 'href="/login?next=%2Faccount%2Fapplications"' in browser.page


def bent(part: str, **changes: str | None) -> Callable[[str], str]:
    """Changes parameters of the addresses in which this part occurs."""

    def bend(url: str) -> str:
        if part not in url:
            return url
        kept = {**dict(parse_qsl(urlsplit(url).query)), **changes}
        query = urlencode({name: value for name, value in kept.items() if value is not None})
        return urlsplit(url)._replace(query=query).geturl()

    return bend


BENT = {
    "nonce of another login": bent("/auth?", nonce="x" * 43),
    "challenge of another login": bent("/auth?", code_challenge="x" * 43),
    "state of another login": bent("/login/callback/", state="x" * 43),
    "a code that never was": bent("/login/callback/", code="x" * 43),
    "issuer left out": bent("/login/callback/", iss=None),
    "issuer of another": bent("/login/callback/", iss="http://127.0.0.1:1"),
}


@pytest.mark.parametrize("how", BENT)
def test_an_answer_to_another_question_logs_nobody_in(browser: Browser, how: str) -> None:
    browser.bend = BENT[how]
    browser.log_in("basic")
    assert browser.answer.status_code == 403, browser.page
    assert "sfapi_session" not in browser.http.cookies


def test_a_code_of_another_browser_logs_nobody_in(setting: Setting, browser: Browser) -> None:
    codes: list[str] = []

    def stolen(url: str) -> str:
        if "/login/callback/" in url:
            codes.append(parse_qs(urlsplit(url).query)["code"][0])
            return setting.site
        return url

    owner = Browser(setting.site, setting.certificate)
    owner.bend = stolen
    owner.log_in("basic")
    owner.http.close()
    browser.bend = bent("/login/callback/", code=codes[0])
    browser.log_in("basic", "p-2")
    assert browser.answer.status_code == 403
    assert "sfapi_session" not in browser.http.cookies


def test_logging_out_here_logs_out_there(setting: Setting, browser: Browser) -> None:
    browser.log_in("basic")
    browser.open("/login/with/basic?next=/account")
    assert "Your account" in browser.page  # the provider knows the browser, and asks nothing
    browser.open("/logout")
    browser.send()
    assert browser.page.count("op.logoutForm"), browser.page
    browser.send(logout="yes")
    assert str(browser.answer.url).startswith(f"{setting.site}/logged-out")
    browser.open("/login/with/basic?next=/account")
    assert "<h1>login</h1>" in browser.page


def test_new_keys_at_the_provider(setting: Setting, browser: Browser) -> None:
    """They are looked for at most every half minute, so that this may take so long."""
    browser.log_in("second")
    assert "Your account" in browser.page
    setting.second.again(keys=[_private(jwk.RSAKey, 2048)])
    end = time.monotonic() + DEADLINE
    while True:
        browser.http.cookies.clear()
        browser.log_in("second")
        if "Your account" in browser.page:
            return
        assert browser.answer.status_code == 403
        assert time.monotonic() < end, browser.page
        time.sleep(1)


def test_a_provider_that_is_away_while_somebody_is_there(setting: Setting, browser: Browser) -> None:
    """It stops between the login and the exchange of the code; the page says so, and opening it again goes on."""
    provider, kept = setting.second, []

    def leave(url: str) -> str:
        if "/login/callback/" in url and not kept:
            kept.append(url)
            assert provider.process is not None
            provider.process.send_signal(signal.SIGSTOP)
        return url

    browser.bend = leave
    browser.log_in("second", leads_to="/account/applications")
    assert browser.answer.status_code == 503
    assert browser.answer.headers["retry-after"] == "10"
    assert "identity provider does not answer as it should" in browser.page
    assert 'href="/login?next=%2Faccount%2Fapplications"' in browser.page
    assert provider.asked["issuer"] not in browser.page
    assert provider.process is not None
    provider.process.send_signal(signal.SIGCONT)
    browser.open("/login/with/second?next=/account")
    assert "Your account" in browser.page


@pytest.fixture
def trap() -> Iterator[socket.socket]:
    """Something inside that nobody must be led to."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        found.settimeout(0)
        yield found


def test_a_provider_cannot_lead_us_to_what_is_inside(setting: Setting, browser: Browser, trap: socket.socket) -> None:
    port = trap.getsockname()[1]
    try:
        for endpoint in ("token_endpoint", "jwks_uri", "userinfo_endpoint"):
            for leads_to in (
                f"http://127.0.0.1:{port}/",
                f"http://localhost:{port}/",
                f"https://127.0.0.1:{port}/",
                f"http://[::ffff:127.0.0.1]:{port}/",
                f"http://2130706433:{port}/",
                "http://169.254.169.254/latest/meta-data/",
                "file:///etc/passwd",
            ):
                setting.odd.again(metadata={endpoint: leads_to})
                browser.open("/login/with/odd?next=/account")
                assert browser.answer.status_code == 503, (endpoint, leads_to)
                assert str(port) not in browser.page
        with pytest.raises(BlockingIOError):
            trap.accept()
    finally:
        setting.odd.again(metadata={"jwks_uri": f"{setting.tls.asked['issuer']}/jwks"})


def test_hosts_of_our_own_are_asked_where_the_facility_allows_it(setting: Setting, browser: Browser) -> None:
    browser.log_in("near")
    assert "Your account" in browser.page
    browser.open("/login/with/odd?next=/account")
    assert browser.answer.status_code == 503
    log = setting.facility.log.read_text()
    assert "may not be asked" in log
    assert SECRET not in log


def test_a_provider_that_is_not_there(setting: Setting, browser: Browser) -> None:
    setting.odd.stop()
    try:
        browser.open("/login/with/odd?next=/account")
        assert browser.answer.status_code == 503
        assert "identity provider does not answer as it should" in browser.page
    finally:
        setting.odd.start()
