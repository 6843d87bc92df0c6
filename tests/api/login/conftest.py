"""A browser without a screen: cookies, forms as the pages have them, and headers as browsers send them."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin

import httpx
import pyotp
import pytest

from superfacility.adapters.oidc import OidcProvider, ProviderConfiguration
from superfacility.facility.people import ProjectName
from superfacility.oauth.identity.accounts import LinkPurpose
from superfacility.oauth.identity.passwords import HashCost, PasswordHashes
from superfacility.oauth.identity.sealing import Sealer
from superfacility.services.access.login import (
    AccountLogins,
    AccountNotices,
    Appearance,
    BrowserSessions,
    BuiltIn,
    ClaimMapping,
    Credentials,
    Flows,
    HashingDesk,
    LoginService,
    Provider,
    ProviderLogins,
    Throttle,
)
from superfacility.services.notices import Notices
from superfacility.testing.identity_provider import CLIENT, SECRET, MemoryIdentityProvider
from superfacility.testing.stores import (
    MemoryAccountStore,
    MemoryAttemptLog,
    MemoryIdentityStore,
    MemoryLoginSessionStore,
)

OURS = "https://facility.example"
PASSWORD = "green lamps sing loudly"


class Page(HTMLParser):
    """What a test looks at: forms with their fields, and links."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__()
        self.answer = answer
        self.text = answer.text
        self.forms: list[tuple[str, dict[str, str]]] = []
        self.links: list[str] = []
        self.feed(answer.text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag == "form":
            self.forms.append((found["action"] or "", {}))
        if tag == "input" and self.forms:
            self.forms[-1][1][found["name"] or ""] = found.get("value") or ""
        if tag == "a":
            self.links.append(found["href"] or "")


@dataclass
class Browser:
    """One browser. `page` is what it shows."""

    app: Any
    address: str = "198.51.100.7"
    http: httpx.AsyncClient = field(init=False)
    page: Page = field(init=False)

    def __post_init__(self) -> None:
        transport = httpx.ASGITransport(self.app, client=(self.address, 4711))
        self.http = httpx.AsyncClient(transport=transport, base_url=OURS)

    async def open(self, path: str) -> Page:
        return await self._show(await self.http.get(path))

    async def post(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        sent = {"origin": OURS, "sec-fetch-site": "same-origin", **headers}
        return await self._show(await self.http.post(path, data=fields, headers=sent))

    async def submit(self, **fields: str) -> Page:
        """The first form of the page, filled in."""
        action, found = self.page.forms[0]
        return await self.post(action, found | fields)

    async def _show(self, answer: httpx.Response) -> Page:
        """Follows redirects within the site, as browsers do, the page's own refresh too."""
        for _ in range(5):
            onward = answer.headers.get("location") or answer.headers.get("refresh", "").removeprefix("0; url=")
            target = urljoin(OURS, onward)
            if not onward or not target.startswith(f"{OURS}/"):
                break
            answer = await self.http.get(target)
        self.page = Page(answer)
        return self.page

    @property
    def session(self) -> str | None:
        return self.http.cookies.get("__Host-sfapi_session")


@dataclass
class Mailbox:
    """`MailSender` that keeps what it is given: address, subject and text."""

    mails: list[tuple[str, str, str]] = field(default_factory=list)

    async def send(self, to: str, subject: str, text: str) -> None:
        self.mails.append((to, subject, text))


@dataclass
class LoginSite:
    """The facility's pages, and what is behind them."""

    site: Any
    login: LoginService
    lab: MemoryIdentityProvider
    other: MemoryIdentityProvider
    notices: Notices
    mails: list[tuple[str, str, str]]
    browsers: list[Browser] = field(default_factory=list)

    def browser(self, address: str = "198.51.100.7") -> Browser:
        self.browsers.append(Browser(self.site.app, address))
        return self.browsers[-1]

    async def link(self, user: str = "demo1", purpose: LinkPurpose = LinkPurpose.INVITATION) -> str:
        return f"/password?ticket={await self.login.credentials.make_link(user, purpose, 'operator:test')}"

    async def with_password(self, user: str = "demo1", password: str = PASSWORD) -> None:
        secret = (await self.link(user)).partition("ticket=")[2]
        await self.login.credentials.set_by_link(secret, password, "")

    async def with_second_factor(self, user: str = "demo1") -> "Telephone":
        await self.with_password(user)
        offer = self.login.credentials.set_up(user)
        telephone = Telephone(offer.secret, self.site.clock)
        telephone.codes = await self.login.credentials.confirm_set_up(user, offer.sealed, telephone.code, "")
        self.site.clock.advance(timedelta(seconds=30))
        return telephone

    async def subjects(self) -> list[str]:
        """Of all mails that have left."""
        await self.notices.settle()
        return [subject.removeprefix("Example: ") for _, subject, _ in self.mails]

    def with_login(self, **changes: Any) -> None:
        """The same with other settings."""
        self.login = replace(self.login, **changes)
        self.site.app.state.services = replace(self.site.app.state.services, login=self.login)


@dataclass
class Telephone:
    """An authenticator app."""

    secret: str
    clock: Any
    codes: tuple[str, ...] = ()

    @property
    def code(self) -> str:
        return pyotp.TOTP(self.secret).at(self.clock.now())


@pytest.fixture
async def login_site(site: Any) -> AsyncIterator[LoginSite]:
    memory, clock, people = site.memory, site.clock, site.people
    sealer, accounts = Sealer(b"k" * 32), MemoryAccountStore(memory)
    hashing = HashingDesk(PasswordHashes(HashCost(1024, 1, 1)))
    throttle = Throttle(MemoryAttemptLog(memory), sealer, clock)
    lab, other = (MemoryIdentityProvider(f"https://{name}.example", clock) for name in ("lab", "other"))
    mapping = ClaimMapping(staff_groups=frozenset({"ops"}), projects={"grp1": ProjectName("m0001")}, create_users=True)
    providers = {
        "lab": Provider("Lab", _provider(lab, clock, mapping.wanted), mapping),
        "other": Provider("Other", _provider(other, clock, ("preferred_username",)), ClaimMapping()),
    }
    mailbox = Mailbox()
    mailing = Notices(mailbox, people, "Example")
    notices = AccountNotices(mailing, clock)
    login = LoginService(
        BrowserSessions(MemoryLoginSessionStore(memory), people, clock),
        Appearance("Example", support="mailto:help@facility.example"),
        (OURS,),
        Flows(sealer, clock),
        ProviderLogins(providers, MemoryIdentityStore(memory), people, clock, OURS),
        BuiltIn(
            AccountLogins(accounts, people, throttle, hashing, sealer, clock, notices),
            Credentials(accounts, people, hashing, sealer, clock, "Example", notices),
        ),
    )
    found = LoginSite(site, login, lab, other, mailing, mailbox.mails)
    found.with_login()
    yield found
    for browser in found.browsers:
        await browser.http.aclose()


def _provider(double: MemoryIdentityProvider, clock: Any, wanted: tuple[str, ...]) -> OidcProvider:
    configuration = ProviderConfiguration(double.issuer, CLIENT, secret=SECRET.encode, wanted=wanted)
    return OidcProvider(configuration, double, clock)
