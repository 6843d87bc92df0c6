"""Goal S10 for what staff name: identity providers, and what their answers name (keys, token endpoint)."""

from collections.abc import Sequence
from ipaddress import ip_address

import pytest

from superfacility.adapters.web.addresses import Address
from superfacility.adapters.web.exchange import GuardedExchange
from superfacility.facility.errors import InvalidInput, NotPermitted, Unavailable
from superfacility.testing.webhooks import WebhookReceiver, reply

CLOSED = (
    *("127.0.0.1", "127.1.2.3", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "100.100.100.200"),
    *(
        "169.254.169.254",
        "::1",
        "::",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a00:1",
    ),
)
HOME = "https://login.example.org"


class Names:
    """A name server that says something else each time."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.questions = 0

    async def __call__(self, host: str, port: int) -> list[Address]:
        self.questions += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [ip_address(each) for each in answer]


@pytest.mark.parametrize("address", CLOSED)
@pytest.mark.parametrize("beside", [[], ["93.184.216.34"]], ids=["alone", "beside a public one"])
async def test_an_address_that_a_provider_names_is_asked_only_if_it_is_public(address: str, beside: list[str]) -> None:
    """By its name, and written as it is."""
    exchange = GuardedExchange(HOME, resolve=Names([*beside, address]))
    with pytest.raises(NotPermitted):
        await exchange.ask("GET", "https://keys.example.org/jwks", {})
    written = f"[{address}]" if ":" in address else address
    for url in (f"https://{written}/jwks", f"https://{written}:8443/jwks"):
        with pytest.raises(InvalidInput):
            exchange.check(url)
    await exchange.aclose()


@pytest.mark.parametrize(
    "url",
    [
        *("http://keys.example.org/jwks", "http://login.example.org/jwks", "https://login.example.org:22/jwks"),
        *(
            "https://user@keys.example.org/",
            "https://localhost/",
            "file:///etc/passwd",
            "gopher://x/",
            "ftp://x.example/",
        ),
        *(
            "https://2130706433/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://keys.example.org\\@10.0.0.1/",
            "//x",
            "",
        ),
    ],
)
async def test_what_is_neither_public_nor_the_services_own_is_not_asked(url: str) -> None:
    exchange = GuardedExchange(HOME, resolve=Names(["93.184.216.34"]))
    with pytest.raises(InvalidInput):
        exchange.check(url)
    await exchange.aclose()


async def test_the_name_is_looked_up_once_and_the_second_answer_leads_nowhere() -> None:
    """DNS rebinding: the check and the connection see one answer."""
    service, trap = WebhookReceiver(), WebhookReceiver()
    async with service.serving("127.0.0.2"):
        trap.port = service.port
        async with trap.serving("127.0.0.3"):
            names = Names(["127.0.0.2"], ["127.0.0.3"])
            exchange = GuardedExchange(service.url("", host="login.example.org"), resolve=names)
            assert (await exchange.ask("GET", service.url("/jwks", host="login.example.org"), {})).status == 204
            assert names.questions == 1
            await exchange.aclose()
    assert trap.connections == 0


async def test_no_redirect_is_followed() -> None:
    trap = WebhookReceiver()
    service = WebhookReceiver(lambda _: reply(302, f"Location: {trap.url('/latest/meta-data')}"))
    async with trap.serving("127.0.0.1"), service.serving("127.0.0.1"):
        exchange = GuardedExchange(service.url(""), resolve=Names(["127.0.0.1"]))
        assert (await exchange.ask("GET", service.url("/jwks"), {})).status == 302
        await exchange.aclose()
    assert trap.connections == 0


async def test_no_answer_is_read_without_end() -> None:
    service = WebhookReceiver(lambda _: reply(200, body=b"a" * 3_000_000))
    async with service.serving("127.0.0.1"):
        exchange = GuardedExchange(service.url(""), resolve=Names(["127.0.0.1"]))
        with pytest.raises(Unavailable, match="more than anybody wants to read"):
            await exchange.ask("GET", service.url("/jwks"), {})
        await exchange.aclose()
